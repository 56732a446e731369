#include "app/require.hpp"

#include "route/requirement.hpp"

namespace lintas::app {

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
        const Result<feed::Look> look = co_await services.pulse.ask_now(u.deadline);
        if (look) continue;
        if (look.error().code == Errc::cancelled || look.error().code == Errc::deposed) {
            co_return fail(look.error());
        }
        co_return fail(Errc::no_source, "",
                       "the position cannot be judged while the primary does not answer");
    }
}

}  // namespace lintas::app
