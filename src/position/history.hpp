#pragma once
// Which positions lie on the primary's present history, and which contain which (POSITIONS
// section 1). A failover ends a timeline at its switch point; what was written beyond it is lost.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "position/lsn.hpp"

namespace lintas::position {

using Timeline = std::uint32_t;  // 1 after initdb; each promotion makes the next

/// A point in the primary's history.
struct Position {
    Timeline timeline = 0;
    Lsn lsn{};

    bool operator==(const Position&) const = default;
};

/// The ancestors of the current timeline.
class History {
 public:
    struct Ended {
        Timeline timeline = 0;
        Lsn at{};  // the switch point
        bool operator==(const Ended&) const = default;
    };

    History() = default;
    /// `ancestors` oldest first.
    History(Timeline current, std::vector<Ended> ancestors);

    /// `text` is the file that TIMELINE_HISTORY returns (PostgreSQL 15 manual, 55.4 Streaming
    /// Replication Protocol): "parent TLI, switch point, reason" per line. nullopt: not readable.
    static std::optional<History> parse(Timeline current, std::string_view text);

    Timeline current() const { return current_; }
    const std::vector<Ended>& ancestors() const { return ancestors_; }

    /// How far `timeline` belongs to the present history: kEndOfTime for the current one, the
    /// earliest switch point on the way for an ancestor, nullopt for any other.
    std::optional<Lsn> valid_to(Timeline timeline) const;

    /// Nothing up to `position` was lost in a failover.
    bool contains(Position position) const;

    bool operator==(const History&) const = default;

 private:
    Timeline current_ = 0;  // 0: nothing is known yet
    std::vector<Ended> ancestors_;
};

enum class Coverage {
    covered,  // everything up to the position asked for is there
    behind,   // not yet; also when its timeline is newer than the history known here
    lost,     // it never will be: a failover dropped it
};

/// Is everything up to `wanted` contained at `at`?
Coverage covers(const History& history, Position at, Position wanted);

/// The later of two positions of the present history.
Position later_of(Position a, Position b);

}  // namespace lintas::position
