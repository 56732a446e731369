#pragma once
// The small coroutine steps that every loop of the feed is made of.

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>

#include "base/deadline.hpp"
#include "base/error.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "postgres/connection.hpp"

namespace lintas::feed {

/// With throw_if_cancelled(false) a cancelled coroutine goes on until it asks.
inline Task<bool> is_cancelled() {
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

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
