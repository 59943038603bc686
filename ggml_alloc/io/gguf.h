/*
 * gguf.h - the header of a GGUF file, in bounded memory whatever comes
 *
 *     "GGUF" version n_tensors n_keys | key type value ... | name dims type offset ... | padding | data
 *                                      `- few are kept       `- summed up              `- never read
 *
 * Both byte orders, versions 2 and 3.  Every length is compared with what is left of the file before it is believed; nothing that the
 * file announces is allocated: of arrays the first GGUF_LIST numbers are kept, of strings the first bytes, of tensors sums.
 */
#ifndef GAI_IO_GGUF_H
#define GAI_IO_GGUF_H

#include "io/lines.h"

#define GGUF_LIST 512u /* entries per layer that are kept; layers that are told apart */
#define GGUF_WORD 32u  /* the longest architecture's name, with its end */
#define GGUF_TYPES 41u
#define GGUF_F16 1u
#define GGUF_HEADER_MOST ((uint64_t)512 << 20)

/* What is kept of the metadata: keys "<architecture>.attention.head_count" and so on; see gguf.c. */
enum gguf_field {
    GGUF_BLOCKS,
    GGUF_CONTEXT,
    GGUF_EMBEDDING,
    GGUF_HEADS,
    GGUF_HEADS_KV,
    GGUF_KEY,
    GGUF_VALUE,
    GGUF_KEY_SWA,
    GGUF_VALUE_SWA,
    GGUF_KEY_MLA,
    GGUF_KV_RANK,
    GGUF_ROPE,
    GGUF_WINDOW,
    GGUF_PATTERN,
    GGUF_SHARED,
    GGUF_NEXTN,
    GGUF_CONV,
    GGUF_INNER,
    GGUF_STATE,
    GGUF_GROUPS,
    GGUF_WKV,
    GGUF_SHIFTS,
    GGUF_SHORTCONV,
    GGUF_FIELDS
};

struct gguf_number {
    uint64_t first; /* the number, or that of layer 0 */
    uint64_t *list; /* by layer, n of them; NULL: one number for all */
    uint32_t n;     /* 0: the file does not say */
    char arch[GGUF_WORD];
};

enum gguf_layer_kind { GGUF_RECURRENT = 1, GGUF_KEYS = 2 }; /* it has tensors of a recurrent state; has attn_k of its own */

struct gguf_layer {
    uint64_t bytes;
    unsigned kind;
};

struct gguf {
    struct ga_mem mem;
    unsigned version;
    bool is_big; /* big endian */
    char arch[GGUF_WORD];
    struct gguf_number numbers[GGUF_FIELDS];
    uint64_t n_tensors, n_keys, align;
    uint64_t split_no, split_count; /* 0 of 0: no part of several */
    uint64_t bytes, others;         /* of all tensors; of those of no layer */
    uint64_t by_type[GGUF_TYPES];
    uint64_t data_end; /* where the last tensor ends in the file */
    struct gguf_layer layers[GGUF_LIST];
};

/* Reads at most `cap` bytes at `offset`; 0: there are none, or reading failed. */
struct gguf_source {
    size_t (*read)(void *user, uint64_t offset, char *buf, size_t cap);
    void *user;
    uint64_t size; /* of the file */
};

/*
 * GA_INVALID: `mishap` says what is wrong, and at which byte; GA_NO_MEMORY.  `gguf` is written on GA_OK only, and freed with
 * gai_gguf_fini().
 */
enum ga_status gai_gguf_read(const struct ga_mem *mem, const struct gguf_source *source, struct gguf *gguf, struct mishap *mishap);
void gai_gguf_fini(struct gguf *gguf);

/* Adds the tensors of another part; the metadata stay. */
void gai_gguf_join(struct gguf *gguf, const struct gguf *part);

/* What the file says for a layer; `otherwise` when it does not. */
uint64_t gai_gguf_number(const struct gguf *gguf, enum gguf_field field, uint32_t layer, uint64_t otherwise);

/* "q4_K", for numbers of types; NULL: no such type. */
const char *gai_gguf_type_name(uint32_t type);
/* UINT32_MAX: no such name. */
uint32_t gai_gguf_type(const char *name);
/* Bytes of a row of n; rounded up to whole blocks; UINT64_MAX when it does not fit. */
uint64_t gai_gguf_row(uint32_t type, uint64_t n);

#endif
