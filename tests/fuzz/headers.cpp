// Header fields: lines "Name: value" of the input; the first byte chooses the method.

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/assert.hpp"
#include "base/http_message.hpp"
#include "parse/headers.hpp"
#include "parse/request.hpp"
#include "parse/utf8.hpp"

namespace {

using namespace lintas;

constexpr std::string_view kMethods[] = {"GET", "POST", "PATCH", "DELETE"};

std::vector<HeaderView> headers_from(std::string_view text) {
    std::vector<HeaderView> headers;
    while (!text.empty() && headers.size() < 64) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        headers.push_back({line.substr(0, colon), parse::without_blanks(line.substr(colon + 1))});
    }
    return headers;
}

void check_echo(const parse::Request& request) {
    const std::string echo = parse::preference_applied(request, true, true);
    const HeaderView header{"Prefer", echo};
    const RawRequest raw{"GET", "/x", {&header, 1}, {}, {}};
    const parse::Preferences again = parse::parse_preferences(raw);
    LINTAS_ASSERT(again.unrecognised.empty());
    LINTAS_ASSERT(again.count == request.prefer.count);
    LINTAS_ASSERT(again.tx == request.prefer.tx);
    LINTAS_ASSERT(again.handling == request.prefer.handling);
    LINTAS_ASSERT(again.timezone == request.prefer.timezone);
    parse::Request second = request;
    second.prefer = again;
    LINTAS_ASSERT(parse::preference_applied(second, true, true) == echo);
}

void check(const Error& error) {
    LINTAS_ASSERT(!error.message.empty());
    LINTAS_ASSERT(parse::valid_utf8(error.message));
    LINTAS_ASSERT(parse::valid_utf8(error.details));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    const std::vector<HeaderView> headers = headers_from(text);
    const RawRequest raw{kMethods[data[0] % 4], "/x", headers, {}, "127.0.0.1:1"};
    const Result<parse::Request> request =
        parse::parse_request(raw, {.schemas = {"public", "api"}, .nesting = 8, .filters = 64});
    if (!request) {
        check(request.error());
        return 0;
    }
    check_echo(*request);
    if (const Result<void> strict = parse::check_strict(request->prefer); !strict) {
        check(strict.error());
    }
    if (const Result<parse::Media> media = parse::negotiate(request->accept); !media) {
        check(media.error());
    }
    LINTAS_ASSERT(request->lintas.max_age_s.value_or(0) >= 0);
    LINTAS_ASSERT(request->window.offset >= 0 && request->window.limit.value_or(0) >= 0);
    LINTAS_ASSERT(request->schema == "public" || request->schema == "api");
    return 0;
}
