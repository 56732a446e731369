#include "config/keys.hpp"

#include <algorithm>
#include <array>

namespace lintas::config {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMs{1};
constexpr milliseconds kHour{3'600'000};
constexpr milliseconds kDay = 24 * kHour;
constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;

constexpr std::array<std::string_view, 4> kTxEnds{"commit", "commit_allow_override", "rollback",
                                                  "rollback_allow_override"};
constexpr std::array<std::string_view, 4> kLogLevels{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kLogFormats{"json", "text"};

TlsFiles& public_tls(Config& c) {
    std::optional<TlsFiles>& tls = c.listen.public_.tls;
    return tls ? *tls : tls.emplace();
}
bool has_public_tls(const Config& c) {
    return c.listen.public_.tls.has_value();
}

// The maxima are what a misplaced zero should not get past, not advice.
const std::array kKeys{
    Key{"site", TextSlot{[](Config& c) -> auto& { return c.site; }}},
    Key{"threads", CountSlot{[](Config& c) -> auto& { return c.threads; }, 0, 256}},

    Key{"listen.public.address",
        TextSlot{[](Config& c) -> auto& { return c.listen.public_.address; }}},
    Key{"listen.public.tls.cert", TextSlot{[](Config& c) -> auto& { return public_tls(c).cert; }},
        has_public_tls},
    Key{"listen.public.tls.key", TextSlot{[](Config& c) -> auto& { return public_tls(c).key; }},
        has_public_tls},
    Key{"listen.admin.address",
        TextSlot{[](Config& c) -> auto& { return c.listen.admin.address; }}},

    Key{"limits.connections",
        CountSlot{[](Config& c) -> auto& { return c.limits.connections; }, 1, 1'000'000}},
    Key{"limits.header_bytes",
        SizeSlot{[](Config& c) -> auto& { return c.limits.header_bytes; }, kKiB, kMiB}},
    Key{"limits.target_bytes",
        SizeSlot{[](Config& c) -> auto& { return c.limits.target_bytes; }, 64, kMiB}},
    Key{"limits.body_bytes",
        SizeSlot{[](Config& c) -> auto& { return c.limits.body_bytes; }, 1, kGiB}},
    Key{"limits.request_timeout",
        DurationSlot{[](Config& c) -> auto& { return c.limits.request_timeout; }, kMs, kHour}},
    Key{"limits.header_timeout",
        DurationSlot{[](Config& c) -> auto& { return c.limits.header_timeout; }, kMs, kHour}},
    Key{"limits.body_timeout",
        DurationSlot{[](Config& c) -> auto& { return c.limits.body_timeout; }, kMs, kHour}},
    Key{"limits.idle_timeout",
        DurationSlot{[](Config& c) -> auto& { return c.limits.idle_timeout; }, kMs, kDay}},
    Key{"limits.drain",
        DurationSlot{[](Config& c) -> auto& { return c.limits.drain; }, kMs, kHour}},
    Key{"limits.in_flight",
        CountSlot{[](Config& c) -> auto& { return c.limits.in_flight; }, 1, 1'000'000}},
    Key{"limits.nesting", CountSlot{[](Config& c) -> auto& { return c.limits.nesting; }, 1, 128}},
    Key{"limits.filters",
        CountSlot{[](Config& c) -> auto& { return c.limits.filters; }, 1, 10'000}},

    Key{"api.schemas", ListSlot{[](Config& c) -> auto& { return c.api.schemas; }}},
    Key{"api.extra_search_path",
        ListSlot{[](Config& c) -> auto& { return c.api.extra_search_path; }}},
    Key{"api.anon_role", TextSlot{[](Config& c) -> auto& { return c.api.anon_role; }}},
    Key{"api.jwt.secret",
        TextSlot{[](Config& c) -> auto& { return c.api.jwt.secret; }, Secrecy::forbidden}},
    Key{"api.jwt.secret_is_base64",
        FlagSlot{[](Config& c) -> auto& { return c.api.jwt.secret_is_base64; }}},
    Key{"api.jwt.jwks", TextSlot{[](Config& c) -> auto& { return c.api.jwt.jwks; }}},
    Key{"api.jwt.audience", TextSlot{[](Config& c) -> auto& { return c.api.jwt.audience; }}},
    Key{"api.jwt.role_claim", TextSlot{[](Config& c) -> auto& { return c.api.jwt.role_claim; }}},
    Key{"api.pre_request", TextSlot{[](Config& c) -> auto& { return c.api.pre_request; }}},
    Key{"api.max_rows",
        OptionalCountSlot{[](Config& c) -> auto& { return c.api.max_rows; }, 1, 1'000'000'000}},
    Key{"api.tx_end",
        WordSlot{kTxEnds, [](Config& c, std::size_t i) { c.api.tx_end = static_cast<TxEnd>(i); },
                 [](Config& c) { return static_cast<std::size_t>(c.api.tx_end); }}},
    Key{"api.testing", FlagSlot{[](Config& c) -> auto& { return c.api.testing; }}},
    Key{"api.cors_origins", ListSlot{[](Config& c) -> auto& { return c.api.cors_origins; }}},

    Key{"database.primary.url",
        TextSlot{[](Config& c) -> auto& { return c.database.primary.url; }, Secrecy::url}},
    Key{"database.primary.pool",
        CountSlot{[](Config& c) -> auto& { return c.database.primary.pool; }, 1, 10'000}},
    Key{"database.primary.through_pooler",
        FlagSlot{[](Config& c) -> auto& { return c.database.primary.through_pooler; }}},
    Key{"database.primary.prepared",
        FlagSlot{[](Config& c) -> auto& { return c.database.primary.prepared; }}},

    Key{"log.level",
        WordSlot{kLogLevels,
                 [](Config& c, std::size_t i) { c.log.level = static_cast<LogLevel>(i); },
                 [](Config& c) { return static_cast<std::size_t>(c.log.level); }}},
    Key{"log.format",
        WordSlot{kLogFormats,
                 [](Config& c, std::size_t i) { c.log.format = static_cast<LogFormat>(i); },
                 [](Config& c) { return static_cast<std::size_t>(c.log.format); }}},
};

constexpr std::array<std::string_view, 14> kLaterParts{
    "standby_for",    "backup_quiet", "listen.link", "api.cache_claims",
    "api.aggregates", "api.plan",     "consistency", "database.replicas",
    "database.feed",  "cache",        "link",        "vault",
    "log.loki",       "trace",
};

bool lies_below(std::string_view path, std::string_view section) {
    return path.size() > section.size() && path.starts_with(section) && path[section.size()] == '.';
}

std::string_view last_word(std::string_view path) {
    const std::size_t dot = path.rfind('.');
    return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
            diagonal = above;
        }
    }
    return row[b.size()];
}

/// Every key and every section above it, each once.
std::vector<std::string_view> all_paths() {
    std::vector<std::string_view> paths;
    for (const Key& key : kKeys) {
        for (std::size_t dot = key.path.find('.'); dot != std::string_view::npos;
             dot = key.path.find('.', dot + 1)) {
            const std::string_view section = key.path.substr(0, dot);
            if (std::ranges::find(paths, section) == paths.end()) paths.push_back(section);
        }
        paths.push_back(key.path);
    }
    return paths;
}

}  // namespace

std::span<const Key> keys() {
    return kKeys;
}

const Key* find_key(std::string_view path) {
    const auto found = std::ranges::find(kKeys, path, &Key::path);
    return found == kKeys.end() ? nullptr : &*found;
}

bool is_section(std::string_view path) {
    return std::ranges::any_of(kKeys, [&](const Key& key) { return lies_below(key.path, path); });
}

bool is_later_part(std::string_view path) {
    return std::ranges::any_of(
        kLaterParts, [&](std::string_view part) { return path == part || lies_below(path, part); });
}

std::string_view nearest(std::string_view path) {
    if (path.size() > 100) return {};
    const std::vector<std::string_view> paths = all_paths();
    const std::size_t allowed = std::min<std::size_t>(2, last_word(path).size() / 3);
    std::string_view best;
    std::size_t best_distance = allowed + 1;
    for (const std::string_view candidate : paths) {
        const std::size_t d = distance(path, candidate);
        if (d < best_distance) {
            best_distance = d;
            best = candidate;
        }
    }
    if (!best.empty()) return best;
    // The right word in the wrong section.
    for (const std::string_view candidate : paths) {
        if (last_word(candidate) == last_word(path)) return candidate;
    }
    return {};
}

}  // namespace lintas::config
