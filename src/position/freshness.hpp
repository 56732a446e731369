#pragma once
// The one rule that decides for memory, Redis, replica and primary alike whether an answer is fresh
// enough (POSITIONS sections 1 and 3).

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/deadline.hpp"
#include "position/history.hpp"
#include "position/progress.hpp"
#include "position/stamps.hpp"
#include "position/token.hpp"

namespace lintas::position {

/// What a request asks of its answer.
struct Requirement {
    bool critical = false;            // only a read on the primary that begins after the request
    std::optional<Position> token{};  // the latest that the client has seen
    std::optional<Lsn> seen_on_replica{};  // of the tokens that a replica's answer made, the latest
    std::chrono::nanoseconds bound{};      // how far behind the primary an answer may be
    Clock::time_point asked{};             // when the request arrived
};

/// The positions that an answer has to cover, of one moment.
struct Wanted {
    std::optional<Position> token{};
    std::optional<Position> bound{};  // nullopt: no sample is young enough, nothing can prove it
};
Wanted wanted_by(const Requirement& requirement, const Progress& progress, Timeline timeline);

/// Where an answer stands in the primary's history.
struct Provenance {
    std::uint64_t system_id = 0;
    Timeline timeline = 0;
    Lsn as_of{};  // everything that ended at or before it is in the answer; kNoLsn: not known
    Lsn hi{};     // nothing that ended after it is
    ShownBy shown_by = ShownBy::primary;
    std::uint64_t schema = 0;        // the catalogue's fingerprint
    std::uint64_t schema_epoch = 0;  // Progress::readable_schema_epoch() when it was read
    std::optional<Clock::time_point> read_at{};  // by this process, on the primary: not before this
    std::vector<Dependency> dependencies{};
};

struct Verdict {
    enum class Kind {
        fresh,    // nothing it depends on is known to have changed
        changed,  // something has, but not longer ago than the request allows: time to refresh it
        stale,
    };
    Kind kind = Kind::stale;
    /// How far behind the primary the answer may be; nullopt: not known.
    std::optional<std::chrono::nanoseconds> age{};
    bool usable() const { return kind != Kind::stale; }
};

/// Of something cached. `schema` is the current catalogue's fingerprint. Thread: any; nothing
/// allocates.
Verdict judge(const Provenance& entry, const Requirement& requirement, const Progress& progress,
              const Lineage& lineage, std::uint64_t schema, Clock::time_point now);

/// Of an answer that a replica has just given: is what it contained enough?
Coverage replica_covers(const Wanted& wanted, const History& history, Position as_of);

}  // namespace lintas::position
