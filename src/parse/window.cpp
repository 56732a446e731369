#include "parse/window.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace lintas::parse {

namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

std::unexpected<Error> not_satisfiable(std::string details) {
    return fail(Errc::bad_range, "Requested range not satisfiable", std::move(details));
}

std::unexpected<Error> negative_limit() {
    return not_satisfiable("Limit should be greater than or equal to zero.");
}

std::optional<std::int64_t> integer_from_text(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    std::int64_t value = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    if (error != std::errc{} || end != last) return std::nullopt;
    return value;
}

// Number of rows from `first` to `last`, both included and first <= last; nullopt when `last` is as
// far as one can count.
std::optional<std::int64_t> rows_between(std::int64_t first, std::int64_t last) {
    if (last == kMax) return std::nullopt;
    return last - first + 1;
}

// The last row of a window, kMax for one without an end.
std::int64_t last_row(const Window& window) {
    std::int64_t last = kMax;
    if (window.limit && __builtin_add_overflow(window.offset, *window.limit - 1, &last))
        return kMax;
    return last;
}

}  // namespace

Result<Window> window_from_parameters(const WindowParameters& parameters) {
    std::optional<std::int64_t> limit;
    std::optional<std::int64_t> offset;
    if (parameters.limit) limit = integer_from_text(*parameters.limit);
    if (parameters.offset) offset = integer_from_text(*parameters.offset);
    if (parameters.limit && parameters.offset && !limit) limit = 0;

    if (limit && *limit < 0) return negative_limit();
    if (limit == 0) return Window{0, 0};  // no rows, wherever they would have begun
    const std::int64_t first = offset.value_or(0);
    if (!limit) return Window{std::max<std::int64_t>(first, 0), std::nullopt};

    // Rows before the first one do not exist, but a limit counts them.
    std::int64_t last = 0;
    if (__builtin_add_overflow(first, *limit - 1, &last)) last = kMax;
    if (last == -1) return Window{0, 0};
    if (last < 0) return negative_limit();
    const std::int64_t start = std::max<std::int64_t>(first, 0);
    return Window{start, rows_between(start, last)};
}

Result<Window> window_within_range(const Window& window, std::string_view range) {
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos || dash == 0) return window;
    const std::string_view first_text = range.substr(0, dash);
    const std::string_view last_text = range.substr(dash + 1);
    constexpr std::string_view kDigits = "0123456789";
    if (first_text.find_first_not_of(kDigits) != std::string_view::npos ||
        last_text.find_first_not_of(kDigits) != std::string_view::npos) {
        return window;
    }
    const std::optional<std::int64_t> first = integer_from_text(first_text);
    const std::int64_t last =
        last_text.empty() ? kMax : integer_from_text(last_text).value_or(kMax);
    if (!first) return window;
    if (window.limit == 0) return window;
    if (*first > last) {
        return not_satisfiable(
            "The lower boundary must be lower than or equal to the upper boundary in the Range "
            "header.");
    }
    const std::int64_t start = std::max(window.offset, *first);
    const std::int64_t end = std::min(last_row(window), last);
    if (start > end) {
        return not_satisfiable(
            "The Range header and the limit and offset parameters have no row in common.");
    }
    return Window{start, rows_between(start, end)};
}

}  // namespace lintas::parse
