#pragma once
// Which tables the feed has to follow, and with which columns, as one query: it is the body of
// lintas.publication_candidates(), and the preflight asks it where that function is missing.

#include <string>
#include <string_view>

namespace lintas::migrate {

/// One row per table that answers may depend on and per partition of it:
///   relation oid, root oid   the same, but for a partition: its topmost parent
///   name text                of `relation`, quoted and with its schema
///   key_columns text[]       the root's primary key, in key order; NULL: none
///   column_list text[]       what to publish; NULL: whole rows, see the .cpp
///   why_not text             the end of "TABLE is not published: ..."; NULL: it can be; of the
///   root
/// `schemas` is an SQL expression of type text[]: the schemas that are served.
/// Source: PostgreSQL 15 manual, CREATE PUBLICATION and 31.6 (restrictions); its source,
/// RelationGetIndexList() and CheckCmdReplicaIdentity().
std::string candidates_query(std::string_view schemas);

}  // namespace lintas::migrate
