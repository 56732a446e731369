#pragma once
// Waiting longer after each failure, so that a server that comes back is not met by everybody at
// once.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace lintas::postgres {

class Backoff {
 public:
    Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most)
        : first_(first), most_(most) {}

    /// The wait after one more failure: doubled each time, at most `most`, with up to a quarter of
    /// jitter.
    std::chrono::milliseconds next() {
        const std::chrono::milliseconds wait =
            std::min(most_, first_ * (std::int64_t{1} << std::min(failures_, 16)));
        ++failures_;
        std::uniform_int_distribution<std::int64_t> jitter{0, wait.count() / 4};
        return wait - std::chrono::milliseconds{jitter(random_)};
    }
    void succeeded() { failures_ = 0; }
    int failures() const { return failures_; }

 private:
    std::chrono::milliseconds first_;
    std::chrono::milliseconds most_;
    int failures_ = 0;
    std::minstd_rand random_{std::random_device{}()};
};

}  // namespace lintas::postgres
