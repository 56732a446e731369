#pragma once
// What the primary had when: pairs of this process's monotonic clock and a position, so that
// bounded staleness needs no synchronized clocks (POSITIONS section 5).

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/deadline.hpp"
#include "position/lsn.hpp"

namespace lintas::position {

/// One writer; readers on any thread, without a lock. All positions are of one timeline.
class Samples {
 public:
    struct Sample {
        Clock::time_point at;  // everything acknowledged before this moment...
        Lsn lsn;               // ...ended at or before this
    };

    /// An hour at ten a second: what `Cache-Control: max-age` can ask for, beyond it the oldest is
    /// used.
    static constexpr std::size_t kCapacity = 36'000;

    Samples();

    /// In the order of time; one whose position is lower than the last one's is left out.
    void add(Sample sample);
    /// Another timeline, or another server: what was sampled before means nothing now.
    void clear();

    /// The oldest sample not older than `at`: what has its position is not behind what the primary
    /// had then. nullopt: there is none, the primary has not been heard of since.
    std::optional<Sample> not_older_than(Clock::time_point at) const;
    /// The newest sample whose position is contained in everything up to `lsn`: an answer complete
    /// to there is at most as old. nullopt: older than all that is remembered.
    std::optional<Sample> newest_within(Lsn lsn) const;
    std::optional<Sample> newest() const;

 private:
    struct Slot {
        std::atomic<std::int64_t> at{0};
        std::atomic<std::uint64_t> lsn{0};
    };
    /// Indexes count from the first sample ever taken; [first, last) can be read.
    struct Range {
        std::uint64_t first, last;
    };
    Range range() const;
    Sample read(std::uint64_t index) const;
    bool still_there(std::uint64_t index) const;

    std::unique_ptr<std::array<Slot, kCapacity>> slots_;
    std::atomic<std::uint64_t> next_{0};
    std::atomic<std::uint64_t> first_{0};  // of the present history
};

}  // namespace lintas::position
