/*
 * ggml-impl.h - a stand-in: all of it is in ggml.h
 */
#include "ggml.h"
