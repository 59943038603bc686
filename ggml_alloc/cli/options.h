/*
 * options.h - the table of options: what each is called, who takes it, how it is read and into which field
 *
 *     options_table.c --+--> options.c       argv, into struct options
 *                       +--> options_say.c   what helps and complaints say of an option; help.c, manual.c
 *                       `--> complete.c      what a shell completes
 */
#ifndef GAI_CLI_OPTIONS_H
#define GAI_CLI_OPTIONS_H

#include "cli/cli.h"

struct option;

/* Reads a value into its place; false when it makes no sense.  NULL is the value of a flag. */
typedef bool read_value(const struct option *option, const char *value, struct options *options);

struct option {
    const char *name, *value, *help; /* value: what stands for it in a help; NULL: a flag */
    unsigned set;                    /* enum option_set; none but RARELY: every command */
    read_value *read;
    size_t to, told;          /* fields of struct options, by offset; told: a bool that is set, too; 0: none */
    uint64_t least, most;     /* of a number, most 0: any; least is the value of the first word, too */
    const char *const *words; /* what it may be, when there are few; else NULL */
    const char *otherwise;    /* what holds without it, or NULL */
    const char *more;         /* for --help, or NULL */
};

/* One after the other, from NULL; NULL after the last one that the command takes.  Of no command: all. */
const struct option *option_next(const struct command *command, const struct option *option);
/* NULL: the command takes no such option. */
const struct option *option_find(const struct command *command, const char *name);

/* The fields of struct options that are meant by `to`, according to their type. */
read_value read_flag;    /* bool */
read_value read_input;   /* const char *: the name of a file, not empty; "-" counts as stdin */
read_value read_target;  /* const char *: of a file to be written */
read_value read_word;    /* an enum: one of option->words */
read_value read_words;   /* unsigned: a bit for each place in option->words; several have commas between them */
read_value read_number;  /* uint64_t, from least to most */
read_value read_count;   /* uint32_t, from least to most */
read_value read_size;    /* uint64_t: bytes, at least `least` */
read_value read_align;   /* uint64_t: bytes, a power of two */
read_value read_share;   /* uint32_t: millionths, of "0.05" */
read_value read_kv_type; /* uint32_t */
read_value read_output;  /* const char *, NULL for stdout */
/* These know their fields. */
read_value read_format;   /* a format, or a picture */
read_value read_capacity; /* SIZE, or POOL:SIZE,... */
read_value read_extra;    /* NAME=SIZE[@DEVICE] */

bool option_is_of(const struct option *option, const struct command *command);
/* Is its value the name of a file? */
bool option_names_file(const struct option *option);

/* What it is for, what it may be, and otherwise is; in full with all that there is to say, otherwise for one line. */
void option_say(const struct option *option, bool in_full, char *buf, size_t cap);
/* What is wrong with a name, or with a value. */
void complain_option(const struct command *command, const char *name);
void complain_value(const struct option *option, const char *value);

#endif
