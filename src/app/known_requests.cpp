#include "app/known_requests.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace lintas::app {

namespace {

constexpr std::size_t kTextMax = 2048;  // longer requests are not worth their memory

enum class Means { nothing, something, too_much };

/// What a header does to a cached read.
Means meaning_of(std::string_view name) {
    constexpr std::array<std::string_view, 6> kSomething{
        "Accept", "Prefer", "Range", "Range-Unit", "Accept-Profile", "Content-Profile",
    };
    constexpr std::array<std::string_view, 17> kTooMuch{
        "Authorization",
        "Cookie",
        "Origin",
        "Cache-Control",
        "Pragma",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "If-Range",
        "If-Unmodified-Since",
        "Idempotency-Key",
        "Lintas-Position",
        "Lintas-Consistency",
        "Lintas-Session",
        "Access-Control-Request-Method",
        "Lintas-Forwarded",
        "Via",
    };
    const auto same = [name](std::string_view other) { return header_name_equal(name, other); };
    if (std::ranges::any_of(kTooMuch, same)) return Means::too_much;
    return std::ranges::any_of(kSomething, same) ? Means::something : Means::nothing;
}

}  // namespace

bool KnownRequests::describe(const RawRequest& raw) {
    if (raw.method != "GET" || !raw.body.empty()) return false;
    text_.assign(raw.target);
    for (const HeaderView& header : raw.headers) {
        const Means means = meaning_of(header.name);
        if (means == Means::too_much) return false;
        if (means == Means::nothing) continue;
        // A target holds no blanks and a header's value no line feed, so nothing is ambiguous.
        text_ += '\n';
        text_ += header.name;
        text_ += ' ';
        text_ += header.value;
    }
    return text_.size() <= kTextMax;
}

const KnownRequest* KnownRequests::find(const RawRequest& raw) {
    if (!describe(raw)) return nullptr;
    if (const auto known = young_.find(text_); known != young_.end()) return &known->second;
    const auto known = old_.find(text_);
    if (known == old_.end()) return nullptr;
    KnownRequest moved = std::move(known->second);
    old_.erase(known);
    return &young_.emplace(text_, std::move(moved)).first->second;
}

void KnownRequests::remember(const RawRequest& raw, KnownRequest known) {
    if (!describe(raw)) return;
    if (young_.size() >= kGeneration) {
        old_ = std::exchange(young_, {});
    }
    young_.insert_or_assign(text_, std::move(known));
}

}  // namespace lintas::app
