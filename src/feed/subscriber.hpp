#pragma once
// The feed as another process of the primary role hands it on.

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/task.hpp"
#include "feed/context.hpp"
#include "feed/wire.hpp"

namespace lintas::feed {

/// What the frames of one subscription do to Progress. Sans-I/O.
class Reception {
 public:
    /// `asked`: the position that the hub was told.
    Reception(Context& context, position::Position asked) : context_(context), asked_(asked) {}

    /// Errors: connection_lost, the subscription has to begin anew; deposed, the hub follows a
    /// primary of the past.
    Result<void> take(wire::Frame& frame);
    bool live() const { return live_; }
    /// The hub's sample of what the primary had written; regions will live on them.
    std::function<void(const wire::Pong&)> on_pong{};

 private:
    Result<void> hello(const wire::Hello& frame);
    Result<void> stamps(const wire::Stamps& frame);

    Context& context_;
    const position::Position asked_;
    std::uint64_t lineage_ = 0;  // version
    bool greeted_ = false;
    bool transferring_ = false;
    bool live_ = false;
    wire::Stamps table_{};  // its chunks so far
};

/// Follows the hub at `address` until that breaks, which is always an error. FeedState is live
/// while it works. Cancel: terminal; the connection is closed. Errors: connect_failed,
/// connection_lost, deposed, cancelled.
Task<Result<void>> subscribe(Context& context, std::string address);

}  // namespace lintas::feed
