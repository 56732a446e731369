#pragma once
// Decodes the messages of PostgreSQL's pgoutput plugin, proto_version 1 (PostgreSQL 15 manual, 55.9
// Logical Replication Message Formats). Sans-I/O: one payload in, views into it out.

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "position/lsn.hpp"

namespace lintas::feed::pgoutput {

/// Columns of a row, already checked: reading one cannot run past the end.
class Tuple {
 public:
    enum class Kind : char { null = 'n', unchanged = 'u', text = 't', binary = 'b' };
    struct Column {
        Kind kind = Kind::null;
        std::string_view value{};  // text and binary
    };
    Tuple() = default;
    Tuple(std::uint16_t columns, std::string_view bytes) : columns_(columns), bytes_(bytes) {}

    std::uint16_t columns() const { return columns_; }
    /// Goes through the columns in front of it; `index` below columns().
    Column at(std::uint16_t index) const;

 private:
    std::uint16_t columns_ = 0;
    std::string_view bytes_;
};

struct Begin {
    position::Lsn commit_start{};  // of the commit record to come
    std::uint32_t xid = 0;         // top-level
};
struct Commit {
    position::Lsn start{};  // of the commit record
    position::Lsn end{};    // behind it
};
/// pg_logical_emit_message().
struct Emitted {
    bool transactional = false;
    position::Lsn at{};
    std::string_view prefix{};
    std::string_view content{};
};
struct Origin {};
struct Type {};

class Relation {
 public:
    struct Column {
        bool identity = false;  // part of the replica identity
        std::string_view name{};
    };
    std::uint32_t oid = 0;
    std::string_view schema{};
    std::string_view name{};
    char replica_identity = 'd';  // pg_class.relreplident
    std::uint16_t columns = 0;
    /// `read` gets each column in order.
    template <class Read>
    void for_each_column(Read read) const {
        std::string_view rest = bytes;
        for (std::uint16_t i = 0; i < columns; ++i) read(i, take_column(rest));
    }
    std::string_view bytes{};  // of the columns, checked

 private:
    static Column take_column(std::string_view& rest);
};

struct Insert {
    std::uint32_t relation = 0;
    Tuple row{};
};
/// What was there before: nothing, the replica identity's columns (others are null), or all.
enum class Old { none, identity, full };
struct Update {
    std::uint32_t relation = 0;
    Old kind = Old::none;
    Tuple old{};
    Tuple row{};
};
struct Delete {
    std::uint32_t relation = 0;
    Old kind = Old::identity;
    Tuple old{};
};
struct Truncate {
    std::uint32_t relations = 0;
    std::string_view bytes{};  // four each
    std::uint32_t at(std::uint32_t index) const;
};

using Message =
    std::variant<Begin, Commit, Emitted, Origin, Type, Relation, Insert, Update, Delete, Truncate>;

/// Views live as long as `bytes`. Errors: internal, with what cannot be read; never throws and
/// never allocates otherwise.
Result<Message> decode(std::string_view bytes);

}  // namespace lintas::feed::pgoutput
