#include "app/require.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "route/requirement.hpp"

namespace lintas::app {

namespace {

// A connection that was lost is there again within this, if the primary is.
constexpr std::chrono::seconds kReconnects{1};
constexpr std::chrono::milliseconds kAskAgain{50};

Task<Result<feed::Look>> look_at_primary(feed::Pulse& pulse, Deadline deadline) {
    const Deadline until{std::min(deadline.at, Clock::now() + kReconnects)};
    while (true) {
        Result<feed::Look> look = co_await pulse.ask_now(deadline);
        if (look || look.error().code == Errc::cancelled || look.error().code == Errc::deposed ||
            until.passed()) {
            co_return look;
        }
        asio::steady_timer timer{co_await asio::this_coro::executor, kAskAgain};
        co_await timer.async_wait(asio::use_awaitable);
    }
}

}  // namespace

Task<Result<position::Requirement>> require(const Understood& u, Services& services) {
    std::optional<std::string_view> cookie;
    if (u.settings->config.consistency.cookie) cookie = parse::position_cookie(u.raw);
    for (bool looked = false;; looked = true) {
        const std::shared_ptr<const position::Lineage> lineage = services.lineage.get();
        Result<route::Asked> asked =
            route::requirement_of({.request = u.request,
                                   .consistency = u.settings->config.consistency,
                                   .codec = u.settings->tokens,
                                   .lineage = *lineage,
                                   .cookie = cookie,
                                   .written = services.site.progress.written(),
                                   .asked = u.arrived});
        if (!asked) co_return fail(asked.error());
        if (!asked->unknown) co_return std::move(asked->requirement);
        if (looked && cookie) {
            cookie.reset();  // a browser would send it for ever
            continue;
        }
        if (looked) co_return fail(route::unknown_position(*asked->unknown, *lineage));
        const Result<feed::Look> look = co_await look_at_primary(services.pulse, u.deadline);
        if (look) continue;
        if (look.error().code == Errc::cancelled || look.error().code == Errc::deposed) {
            co_return fail(look.error());
        }
        co_return fail(Errc::no_source, "",
                       "the position cannot be judged while the primary does not answer");
    }
}

}  // namespace lintas::app
