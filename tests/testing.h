/* cmocka with the headers it wants before it. */
#ifndef ATROUS_TESTS_TESTING_H
#define ATROUS_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
