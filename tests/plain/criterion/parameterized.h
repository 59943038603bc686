/*
 * parameterized.h - is all in criterion.h
 */
#include "criterion.h"
