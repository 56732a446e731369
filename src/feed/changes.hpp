#pragma once
// Messages of pgoutput → one transaction's stamps → Progress. The same value travels over the link,
// so the hub and its subscribers apply it alike. Sans-I/O.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "feed/pgoutput.hpp"
#include "feed/tables.hpp"
#include "position/progress.hpp"

namespace lintas::feed {

/// What one transaction changed.
struct Changes {
    struct Row {
        std::uint32_t table = 0;
        position::KeyHash key = 0;
    };
    position::Commit commit{};
    std::vector<Row> rows{};
    std::vector<std::uint32_t> tables{};  // as a whole
    bool everything = false;              // DDL, or a change that cannot be placed: global floor
    bool schema = false;                  // DDL

    void clear() {
        rows.clear();
        tables.clear();
        everything = schema = false;
        commit = {};
    }
};

/// All stamps first, then the commit, then W.
void apply(const Changes& changes, position::Progress& progress);

/// apply() in steps, since a transaction of half a million rows would hold up the loop: the stamps
/// of `count` rows from `first` on...
void stamp_rows(const Changes& changes, position::Progress& progress, std::size_t first,
                std::size_t count);
/// ...and, when all rows are stamped, the rest.
void finish(const Changes& changes, position::Progress& progress);

/// Puts a stream's messages together to transactions.
class Transactions {
 public:
    /// `keys_most`: of one transaction; above, its tables are stamped as a whole.
    Transactions(const TableBook& book, std::size_t keys_most)
        : book_(book), keys_most_(keys_most) {}

    enum class Step {
        none,
        commit,   // changes() is a whole transaction
        outside,  // changes() has what was emitted outside of any, with commit.end
    };
    /// Errors: internal; the stream cannot be followed any further.
    Result<Step> take(std::string_view message);

    const Changes& changes() const { return changes_; }
    /// W must not be moved by a keepalive now.
    bool inside() const { return inside_; }
    /// A relation was met that the book does not have: look at the catalogue again.
    bool unknown_relation() { return std::exchange(unknown_, false); }
    /// The book has changed: keys are looked up anew.
    void tables_changed();
    /// A new stream begins: nothing is half received and no relation was described.
    void restart();

 private:
    /// Where the key's columns are among those that are sent.
    struct Plan {
        bool known = false;
        std::uint32_t table = 0;           // what is stamped
        std::vector<std::uint16_t> key{};  // empty: the key is not sent
        bool identity_has_key = false;     // an update of the key sends the old row
        std::uint32_t oid = 0;
        char replica_identity = 'd';
        std::vector<std::pair<std::string, bool>> columns{};  // name, part of the identity
    };
    void describe(const pgoutput::Relation& relation);
    void plan(Plan& relation) const;
    const Plan* placed(std::uint32_t relation);
    void emitted(const pgoutput::Emitted& message);
    void insert(const pgoutput::Insert& message);
    void update(const pgoutput::Update& message);
    void remove(const pgoutput::Delete& message);
    void truncate(const pgoutput::Truncate& message);
    void row(const Plan& plan, const pgoutput::Tuple& tuple, const pgoutput::Tuple* fallback);
    void whole(std::uint32_t table);

    const TableBook& book_;
    const std::size_t keys_most_;
    Changes changes_;
    bool inside_ = false;
    bool unknown_ = false;
    bool too_many_ = false;  // no more rows, only tables
    std::uint32_t xid_ = 0;
    std::unordered_map<std::uint32_t, Plan> relations_;
    const Plan* last_ = nullptr;  // most changes are of the same relation as the one before
};

}  // namespace lintas::feed
