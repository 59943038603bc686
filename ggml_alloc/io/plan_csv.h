/*
 * plan_csv.h - a plan from id,pool,chunk,offset,size: from any planner, for the judge
 */
#ifndef GAI_IO_PLAN_CSV_H
#define GAI_IO_PLAN_CSV_H

#include "io/tgraph.h"

/*
 * A plan for the file's graph with the places of the CSV; everything else is as in `like`, any plan for that graph.  Ids are the
 * file's, columns come in any order, `chunk` may be missing.  GA_INVALID: not a place for each tensor that needs one, and only
 * for those, in its pool, of its size; whether they collide is another question.
 */
enum ga_status gai_plan_csv_read(const struct ga_source *source, const struct tgraph *file, const ga_plan *like, ga_plan **plan,
                                 struct mishap *mishap);

#endif
