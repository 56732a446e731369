#include "cache/flights.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace lintas::cache {

/// Lives on its own thread's loop; the leader's thread only posts to it.
struct Flights::Waiter {
    explicit Waiter(asio::any_io_executor where) : executor(where), timer(std::move(where)) {}
    asio::any_io_executor executor;
    asio::steady_timer timer;
    bool over = false;
    std::optional<Landed> landed;
};

Lead::~Lead() {
    if (flights_) flights_->end(key_, std::nullopt);
}

void Lead::land(const Landed& landed) {
    if (Flights* const flights = std::exchange(flights_, nullptr)) flights->end(key_, landed);
}

std::optional<Lead> Flights::lead(std::string_view key) {
    const std::lock_guard lock{mutex_};
    const auto [flight, fresh] = flights_.try_emplace(std::string{key});
    if (!fresh) return std::nullopt;
    return Lead{*this, flight->first};
}

Task<Result<std::optional<Landed>>> Flights::wait(std::string_view key, Deadline deadline) {
    const auto waiter = std::make_shared<Waiter>(co_await asio::this_coro::executor);
    {
        const std::lock_guard lock{mutex_};
        const auto flight = flights_.find(std::string{key});
        if (flight == flights_.end()) co_return std::optional<Landed>{};
        flight->second.waiters.push_back(waiter);
    }
    waiter->timer.expires_at(deadline.at);
    boost::system::error_code ec;
    if (!waiter->over) {
        co_await waiter->timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    if (waiter->over) co_return std::move(waiter->landed);
    if (!ec) co_return fail(Errc::deadline_exceeded, "the deadline of the request has passed");
    co_return fail(Errc::cancelled, "cancelled");
}

void Flights::end(const std::string& key, const std::optional<Landed>& landed) {
    std::vector<std::shared_ptr<Waiter>> waiters;
    {
        const std::lock_guard lock{mutex_};
        const auto flight = flights_.find(key);
        if (flight == flights_.end()) return;
        waiters.swap(flight->second.waiters);
        flights_.erase(flight);
    }
    for (const std::shared_ptr<Waiter>& waiter : waiters) {
        asio::post(waiter->executor, [waiter, landed] {
            waiter->over = true;
            waiter->landed = landed;
            waiter->timer.cancel();
        });
    }
}

std::size_t Flights::size() const {
    const std::lock_guard lock{mutex_};
    return flights_.size();
}

}  // namespace lintas::cache
