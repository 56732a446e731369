#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "parse/body.hpp"
#include "parse/json_writer.hpp"
#include "parse/url.hpp"

namespace lintas::parse {

Result<Payload> payload_from_urlencoded(std::string_view body) {
    Payload payload;
    std::vector<std::string> values;
    std::map<std::string, std::size_t, std::less<>> index;  // ordered: the names are the client's
    std::string name;
    std::string value;
    while (!body.empty()) {
        const std::size_t ampersand = body.find('&');
        const std::string_view pair = body.substr(0, ampersand);
        body.remove_prefix(ampersand == std::string_view::npos ? body.size() : ampersand + 1);
        if (pair.empty()) continue;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        name.clear();
        value.clear();
        if (!append_decoded(pair.substr(0, equals), Plus::space, name) ||
            !append_decoded(pair.substr(std::min(equals + 1, pair.size())), Plus::space, value)) {
            return fail(Errc::bad_body, "Empty or invalid urlencoded body",
                        "the body is not percent-encoded UTF-8 without NUL");
        }
        const auto [at, inserted] = index.try_emplace(name, values.size());
        if (inserted) {
            if (values.size() == kColumnsMax) {
                return fail(Errc::bad_body,
                            fmt::format("The body has more than {} names", kColumnsMax));
            }
            payload.keys.push_back(name);
            values.push_back(value);
        } else {
            values[at->second] = value;
        }
    }

    JsonWriter writer{payload.json};
    writer.raw('{');
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i > 0) writer.raw(',');
        writer.string(payload.keys[i]);
        writer.raw(':');
        writer.string(values[i]);
    }
    writer.raw('}');
    payload.is_object = true;
    payload.keys_known = true;
    payload.rows = 1;
    return payload;
}

}  // namespace lintas::parse
