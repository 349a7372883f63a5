#pragma once
#include <sys/prctl.h>

// prctl(2) takes a variable number of arguments, which Swift cannot pass.
static inline int odys_set_dumpable(int value) { return prctl(PR_SET_DUMPABLE, value, 0, 0, 0); }
