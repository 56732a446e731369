#pragma once
// The headers that say how fresh an answer is and where it came from (CONTRACT section 3).

#include <chrono>
#include <string_view>

#include "base/http_message.hpp"

namespace lintas::respond {

/// Whole seconds, rounded up, so that the answer is never older than it says; less than nothing is
/// 0. Not for what was read on the primary, which has no Age.
void set_age(Reply& reply, std::chrono::nanoseconds behind);

/// `token` as position/ wrote it.
void set_position(Reply& reply, std::string_view token);

/// RFC 9211: why the cache did not answer, unless it did.
enum class CacheResult {
    hit,
    miss,    // nothing was there
    stale,   // what was there was not fresh enough for this request
    bypass,  // the cache was not asked
};
/// `detail`: why, in plain words without double quotes and backslashes; empty: nothing to say.
void set_cache_status(Reply& reply, CacheResult result, std::string_view detail = {});

/// The token as a cookie that scripts cannot read and other sites do not send along with anything
/// but a link (`consistency.cookie`); replaces an earlier one. `secure`: the client came by TLS.
void set_position_cookie(Reply& reply, std::string_view token, bool secure);
/// Takes it away, once its position is lost.
void clear_position_cookie(Reply& reply, bool secure);

}  // namespace lintas::respond
