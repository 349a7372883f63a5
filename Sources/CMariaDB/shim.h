#pragma once
// mysql.h alone has neither the server's nor the client's error numbers.
#include <mysql.h>
#include <errmsg.h>
#include <mysqld_error.h>
