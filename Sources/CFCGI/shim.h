#pragma once
#include <fcgiapp.h>

// The accept is ours, so what it needs stands beside the library: Swift's Glibc module has neither epoll nor eventfd, nor
// malloc's settings.
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

// glibc declares these only under _GNU_SOURCE, which a header that Swift imports must not define.
int accept4(int socket, struct sockaddr *_Nullable address, socklen_t *_Nullable length, int flags);
int memfd_create(const char *_Nonnull name, unsigned int flags);
