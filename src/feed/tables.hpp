#pragma once
// Which tables the feed follows, under which oid they are stamped, and what a row's key is made of.

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "base/statement.hpp"
#include "position/snapshot.hpp"
#include "position/stamps.hpp"

namespace lintas::postgres {
class Rows;
}

namespace lintas::feed {

/// An ordinary table, a leaf partition, or a materialized view.
struct PublishedTable {
    std::uint32_t oid = 0;
    std::uint32_t root = 0;          // what is stamped: the topmost partitioned table, or itself
    double rows = 0;                 // an estimate
    std::vector<std::string> key{};  // the root's primary key, in key order; empty: none
};

/// One look at the catalogue.
struct TableLook {
    bool publication_exists = false;
    bool publishes_everything = false;     // insert, update, delete and truncate
    bool via_root = false;                 // then a partition's TRUNCATE is not sent
    bool has_triggers = false;             // DDL and REFRESH are in the feed
    std::uint64_t fingerprint = 0;         // changes with the catalogue, now and then without it
    std::vector<PublishedTable> tables{};  // by oid
    position::Snapshot before{};           // what it shows, the tables reflect
    position::Snapshot after{};
    position::Lsn insert{};  // at the end
};

/// To be run as one unit. Tables with a row filter and partitioned tables that are published in
/// part are left out: not all their changes are sent.
std::vector<Statement> table_look_statements(const std::string& publication);
/// `results`: one per statement. Errors: internal.
Result<TableLook> decode_table_look(const std::vector<postgres::Rows>& results);

/// The tables as of the last look. Sans-I/O.
class TableBook {
 public:
    /// A table that is new is followed once every transaction has ended that may have changed it
    /// before it was published; until then take() wants to be called again soon.
    struct Taken {
        bool changed = false;   // of a table that was followed: whatever was cached may be wrong
        bool followed = false;  // followed() differs, or wants more buckets
        bool pending = false;
    };
    Taken take(const TableLook& look);
    /// As another process has them: all of them are followed.
    void replace(std::vector<PublishedTable> tables);
    void clear() { *this = {}; }

    /// nullptr: not known. Lives until the next take() or replace().
    const PublishedTable* find(std::uint32_t oid) const;
    /// Roots, with the rows of all their partitions.
    std::vector<position::Stamps::Table> followed() const;
    /// Of followed roots, by oid.
    std::vector<PublishedTable> followed_members() const;
    bool empty() const { return tables_.empty(); }

 private:
    std::map<std::uint32_t, PublishedTable> tables_;  // by oid
    std::map<std::uint32_t, std::size_t> followed_;   // roots → buckets
    std::map<std::uint32_t, std::uint64_t> pending_;  // roots → first xid that is late enough
};

}  // namespace lintas::feed
