#pragma once
// A read as its share of a batch: the same on the primary and on a replica.

#include <cstddef>

#include "postgres/shared_reads.hpp"
#include "primary/database.hpp"

namespace lintas::primary {

struct SharedShare {
    postgres::SharedRead read;
    std::size_t main = 0;  // the main statement's place among them
};

/// For statements that are sql::Read::shareable, and a frame without pre_request and isolation.
SharedShare share_of(const sql::Read& statements, Frame frame);

/// Errors: internal, when the rows are not those of the statements.
Result<Outcome> outcome_of_share(const sql::Read& statements, const SharedShare& share,
                                 const postgres::SharedRows& got, ReadShape shape);

}  // namespace lintas::primary
