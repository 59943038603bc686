/*
 * What is only reached from inside: the command's formats and pictures.
 */
#include "faults.h"

const struct area *const areas[] = { &faults_read, &faults_draw, NULL };
