#pragma once
// Outcome or Error → Reply: status, headers, body of the dialect (DIALECT 1.5 to 1.8, 1.12, 3.3,
// 4).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/http_message.hpp"
#include "base/result.hpp"
#include "parse/request.hpp"
#include "primary/outcome.hpp"
#include "schema/catalogue.hpp"

namespace lintas::respond {

struct ReplyOptions {
    std::size_t exposed_schemas = 1;         // more than one: Content-Profile is always sent
    bool tx_allowed = false;                 // api.tx_end allows an override: tx= is echoed
    std::optional<std::int64_t> max_rows{};  // api.max_rows: count=estimated needs it (DIALECT 1.5)
};

/// 200, 206, or 416 for an offset beyond a known total, all with Content-Range. A HEAD is framed
/// here. Errors: not_singular, bad_response_headers, bad_response_status; all mean: roll back.
Result<Reply> reply_to_read(const parse::Request& request, parse::Media media,
                            primary::Outcome outcome, const ReplyOptions& options);

/// 200, 201, 204. Errors: not_singular, max_affected, put_key_mismatch: the caller rolls back
/// before it sends them; bad_response_headers, bad_response_status.
Result<Reply> reply_to_write(const parse::Request& request, const schema::Relation& relation,
                             parse::Media media, primary::Outcome outcome,
                             const ReplyOptions& options);

/// OPTIONS on the root, a relation or a function (DIALECT 1.12).
Reply reply_to_options(std::string_view allow);
std::string allow_for_relation(const schema::Relation& relation);
std::string allow_for_function(const schema::Function& function);
inline constexpr std::string_view kAllowForRoot = "OPTIONS,GET,HEAD";

/// A CORS preflight (OPTIONS with Origin and Access-Control-Request-Method), answered before
/// routing.
bool is_preflight(const RawRequest& raw);
Reply reply_to_preflight(const RawRequest& raw, const std::vector<std::string>& origins);
/// Adds the CORS headers of a normal response when the request has an Origin.
void add_cors(const RawRequest& raw, const std::vector<std::string>& origins, Reply& reply);

/// Sets Lintas-Source (CONTRACT 3), for example to "primary".
void set_source(Reply& reply, std::string_view source);

/// JSON error body, Proxy-Status, Retry-After on every 503 and 429, WWW-Authenticate on 401.
/// Connection errors and bugs get a fixed text: what libpq says of hosts and users stays in the
/// log. The caller takes the body off for a HEAD. `anonymous`: 42501 is 401 for an anonymous caller
/// and 403 for one that has signed in.
Reply reply_to_error(const Error& error, bool anonymous, int retry_after_s = 1);

/// The code reply_to_error() will use: "PGRST205", "23505", "LNT002".
std::string code_of(const Error& error, bool anonymous);

/// The status reply_to_error() will use; what metrics and routing need to know of it.
int status_of(const Error& error, bool anonymous);

}  // namespace lintas::respond
