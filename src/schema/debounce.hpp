#pragma once
// When to reload, given when somebody asked for it: pure, so that a table of times can test it.

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/deadline.hpp"

namespace lintas::schema {

/// One run at once, and one after the burst that followed: a migration that notifies after each of
/// a hundred statements is read at its start and at its end, not a hundred times.
class Debounce {
 public:
    /// `most` bounds the wait when a burst does not end.
    Debounce(Clock::duration quiet, Clock::duration most) : quiet_{quiet}, most_{most} {}

    void asked(Clock::time_point now) {
        if (!first_) first_ = now;
        last_ = now;
    }

    /// What is asked from here on may not be seen by this run, and is owed another.
    void started() { first_.reset(); }
    void finished(Clock::time_point now) { finished_ = now; }

    /// nullopt: nobody asked.
    std::optional<Clock::time_point> due() const {
        if (!first_) return std::nullopt;
        if (!finished_ || *first_ >= *finished_ + quiet_) return *first_;
        return std::min(last_ + quiet_, *first_ + most_);
    }

 private:
    Clock::duration quiet_;
    Clock::duration most_;
    std::optional<Clock::time_point> first_;  // of those not served yet
    Clock::time_point last_{};
    std::optional<Clock::time_point> finished_;
};

}  // namespace lintas::schema
