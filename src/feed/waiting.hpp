#pragma once
// The small coroutine steps that every loop of the feed is made of.

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>

#include "base/cancellation.hpp"
#include "base/deadline.hpp"
#include "base/error.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "postgres/connection.hpp"

namespace lintas::feed {

/// Ends early when `timer` is cancelled; callers look again at what they wait for.
inline Task<void> sleep_until(asio::steady_timer& timer, Clock::time_point at) {
    timer.expires_at(at);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

/// On one line, with what PostgreSQL added. libpq writes several.
std::string text_of(const Error& error);

/// The first error of a unit, or of one of its statements.
Result<void> check(const Result<postgres::UnitResults>& unit);

}  // namespace lintas::feed
