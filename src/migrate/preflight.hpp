#pragma once
// What a change feed needs of the server, asked in one query and answered in plain sentences for
// the log and /status. A pure decision: who asks, and when, is the caller's business.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/statement.hpp"

namespace lintas::migrate {

struct TableProblem {
    std::string table;  // quoted, with its schema
    std::string why;    // "it has no primary key"
    bool operator==(const TableProblem&) const = default;
};

struct PreflightFacts {
    std::string user{};
    bool in_recovery = false;
    std::string wal_level = "logical";
    std::optional<std::int64_t> slot_wal_keep_mb{};  // nullopt: no limit (-1)
    bool has_replication_right = true;
    bool has_schema = true;
    bool has_publication = true;
    bool publishes_all_tables = false;
    bool has_slot = false;
    bool slot_is_pgoutput = true;  // of this database; true without a slot
    bool slot_lost = false;
    std::int64_t free_slots = 1;
    std::optional<std::int64_t> oldest_prepared_seconds{};  // prepared transactions, all databases
    std::string oldest_prepared{};                          // its global identifier
    bool has_event_triggers = true;
    std::vector<TableProblem> unpublishable{};  // at most kTablesMax
    std::int64_t unpublishable_count = 0;
    std::vector<std::string> unpublished{};  // could be published; at most kTablesMax
    std::int64_t unpublished_count = 0;
    bool operator==(const PreflightFacts&) const = default;
};

inline constexpr int kTablesMax = 20;
inline constexpr std::int64_t kOldPreparedSeconds = 10;

enum class Severity {
    blocks_feed,  // starting it now would fail, hang or endanger the primary
    warns,        // it works; something is slower than it could be
};

struct Finding {
    Severity severity;
    std::string sentence;  // what is so
    std::string remedy;    // what to do about it
    bool operator==(const Finding&) const = default;
};

/// A transaction. The statement at kPreflightAnswer returns one row, one column, for
/// decode_preflight(). Needs no rights and nothing that migrate makes. To be run as the user of the
/// feed.
std::vector<Statement> preflight_unit(const std::vector<std::string>& schemas,
                                      std::string_view publication, std::string_view slot);
inline constexpr std::size_t kPreflightAnswer = 2;

/// Errors: internal, when it is not what preflight_unit() asks for.
Result<PreflightFacts> decode_preflight(std::string_view json);

/// What blocks comes first.
std::vector<Finding> findings(const PreflightFacts& facts, std::string_view publication,
                              std::string_view slot);

/// No finding blocks.
bool may_feed(const std::vector<Finding>& findings);

}  // namespace lintas::migrate
