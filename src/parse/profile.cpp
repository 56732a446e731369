#include <fmt/format.h>

#include <algorithm>

#include "parse/headers.hpp"
#include "parse/utf8.hpp"

namespace lintas::parse {

Result<Profile> parse_profile(const RawRequest& raw, Method method,
                              const std::vector<std::string>& schemas) {
    const bool writes = method == Method::post || method == Method::patch ||
                        method == Method::put || method == Method::del;
    const std::string_view wanted = raw.header(writes ? "Content-Profile" : "Accept-Profile");
    if (wanted.data() == nullptr) {
        return Profile{schemas.empty() ? std::string{} : schemas.front(), false};
    }
    if (std::ranges::find(schemas, wanted) == schemas.end()) {
        return fail(
            Errc::unknown_schema, fmt::format("Invalid schema: {}", printable(wanted)), {},
            fmt::format("Only the following schemas are exposed: {}", fmt::join(schemas, ", ")));
    }
    return Profile{std::string{wanted}, true};
}

}  // namespace lintas::parse
