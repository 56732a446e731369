#pragma once
// One coroutine waits for something that another part of the same loop will do, up to a deadline.

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/task.hpp"

namespace lintas::postgres {

/// Single waiter, single thread. Deadline::max waits for ever.
class Event {
 public:
    explicit Event(asio::any_io_executor executor) : timer_(std::move(executor)) {}

    void set() {
        if (set_) return;
        set_ = true;
        timer_.cancel();
    }
    bool is_set() const { return set_; }

    /// Errors: deadline_exceeded, cancelled (terminal cancellation). An event that is set wins over
    /// both.
    Task<Result<void>> wait(Deadline deadline) {
        if (!set_) {
            timer_.expires_at(deadline.at);
            boost::system::error_code ec;
            co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
            if (!set_) {
                if (ec) co_return fail(Errc::cancelled, "cancelled");
                co_return fail(Errc::deadline_exceeded, "the deadline has passed");
            }
        }
        co_return Result<void>{};
    }

 private:
    asio::steady_timer timer_;
    bool set_ = false;
};

}  // namespace lintas::postgres
