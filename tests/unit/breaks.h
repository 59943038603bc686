/*
 * breaks.h - whether a check tells what is broken: one thing is made another, which must be told in these words, and mended
 */
#ifndef TESTS_UNIT_BREAKS_H
#define TESTS_UNIT_BREAKS_H

#include <criterion/criterion.h>
#include <string.h>

#define BREAKS_AS(check, place, other, words)                                                                                      \
    do {                                                                                                                           \
        unsigned char sound_[sizeof(place)];                                                                                       \
        memcpy(sound_, &(place), sizeof sound_);                                                                                   \
        (place) = (other);                                                                                                         \
        const char *broken_ = (check);                                                                                             \
        cr_expect(broken_ &&strcmp(broken_, words) == 0, "%s = %s: %s", #place, #other, broken_ ? broken_ : "nothing");            \
        memcpy(&(place), sound_, sizeof sound_);                                                                                   \
    } while (0)

#endif
