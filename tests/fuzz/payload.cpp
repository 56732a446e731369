// Request bodies: the first byte chooses the Content-Type, and whether columns= is given.

#include <boost/json/parse.hpp>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "base/http_message.hpp"
#include "parse/request.hpp"
#include "parse/utf8.hpp"

namespace {

using namespace lintas;

constexpr std::string_view kTypes[] = {"application/json", "text/csv",
                                       "application/x-www-form-urlencoded",
                                       "application/json; charset=utf-8"};

// What was passed on must be what it says it is, by the word of another parser.
void check(const parse::Payload& payload) {
    if (!payload.keys_known) return;
    boost::json::parse_options options;
    options.max_depth = 64;
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(payload.json, error, {}, options);
    LINTAS_ASSERT(!error);
    LINTAS_ASSERT(payload.is_object == value.is_object());
    if (const auto* object = value.if_object()) {
        LINTAS_ASSERT(payload.rows == 1);
        LINTAS_ASSERT(object->size() == payload.keys.size());
        for (const std::string& key : payload.keys) LINTAS_ASSERT(object->contains(key));
        return;
    }
    const boost::json::array& rows = value.as_array();
    LINTAS_ASSERT(payload.rows == rows.size());
    for (const boost::json::value& row : rows) {
        LINTAS_ASSERT(row.is_object());
        LINTAS_ASSERT(row.as_object().size() == payload.keys.size());
        for (const std::string& key : payload.keys) LINTAS_ASSERT(row.as_object().contains(key));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const HeaderView type{"Content-Type", kTypes[data[0] % 4]};
    const bool columns = (data[0] & 0x80) != 0;
    const RawRequest raw{"POST",
                         columns ? "/x?columns=a" : "/x",
                         {&type, 1},
                         {reinterpret_cast<const char*>(data) + 1, size - 1},
                         "127.0.0.1:1"};
    Result<parse::Request> request =
        parse::parse_request(raw, {.schemas = {"public"}, .nesting = 8, .filters = 64});
    LINTAS_ASSERT(request.has_value());
    const Result<void> done = parse::parse_payload(raw, *request, 16);
    if (done) {
        LINTAS_ASSERT(request->payload.has_value());
        check(*request->payload);
    } else {
        LINTAS_ASSERT(!done.error().message.empty());
        LINTAS_ASSERT(parse::valid_utf8(done.error().message));
        LINTAS_ASSERT(parse::valid_utf8(done.error().details));
    }
    return 0;
}
