#include "config/keys.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "config/values.hpp"

namespace lintas::config {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMs{1};
constexpr milliseconds kHour{3'600'000};
constexpr milliseconds kDay = 24 * kHour;
constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;
constexpr std::int64_t kTiB = 1024 * kGiB;

constexpr std::array<std::string_view, 4> kTxEnds{"commit", "commit_allow_override", "rollback",
                                                  "rollback_allow_override"};
constexpr std::array<std::string_view, 4> kLogLevels{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kLogFormats{"json", "text"};
constexpr std::array<std::string_view, 2> kLevels{"eventual", "critical"};

TlsFiles& public_tls(Config& c) {
    std::optional<TlsFiles>& tls = c.listen.public_.tls;
    return tls ? *tls : tls.emplace();
}
bool has_public_tls(const Config& c) {
    return c.listen.public_.tls.has_value();
}
Endpoint& link(Config& c) {
    std::optional<Endpoint>& endpoint = c.listen.link;
    return endpoint ? *endpoint : endpoint.emplace();
}
bool has_link(const Config& c) {
    return c.listen.link.has_value();
}
Feed& feed(Config& c) {
    return c.database.feed ? *c.database.feed : c.database.feed.emplace();
}
bool has_feed(const Config& c) {
    return c.database.feed.has_value();
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
    Key{"listen.link.address", TextSlot{[](Config& c) -> auto& { return link(c).address; }},
        has_link},

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
    Key{"api.cache_claims", ListSlot{[](Config& c) -> auto& { return c.api.cache_claims; }}},
    Key{"api.pre_request", TextSlot{[](Config& c) -> auto& { return c.api.pre_request; }}},
    Key{"api.max_rows",
        OptionalCountSlot{[](Config& c) -> auto& { return c.api.max_rows; }, 1, 1'000'000'000}},
    Key{"api.tx_end",
        WordSlot{kTxEnds, [](Config& c, std::size_t i) { c.api.tx_end = static_cast<TxEnd>(i); },
                 [](Config& c) { return static_cast<std::size_t>(c.api.tx_end); }}},
    Key{"api.testing", FlagSlot{[](Config& c) -> auto& { return c.api.testing; }}},
    Key{"api.cors_origins", ListSlot{[](Config& c) -> auto& { return c.api.cors_origins; }}},

    Key{"consistency.default",
        WordSlot{kLevels,
                 [](Config& c, std::size_t i) {
                     c.consistency.default_ = static_cast<ConsistencyDefault>(i);
                 },
                 [](Config& c) { return static_cast<std::size_t>(c.consistency.default_); }}},
    Key{"consistency.max_staleness",
        DurationSlot{[](Config& c) -> auto& { return c.consistency.max_staleness; }, kMs, kHour}},
    Key{"consistency.replica_wait",
        DurationSlot{[](Config& c) -> auto& { return c.consistency.replica_wait; }, 0 * kMs,
                     60'000 * kMs}},
    Key{"consistency.position_key",
        TextSlot{[](Config& c) -> auto& { return c.consistency.position_key; },
                 Secrecy::forbidden}},
    Key{"consistency.cookie", FlagSlot{[](Config& c) -> auto& { return c.consistency.cookie; }}},
    Key{"consistency.local_only",
        FlagSlot{[](Config& c) -> auto& { return c.consistency.local_only; }}},
    Key{"consistency.confirm_primary",
        FlagSlot{[](Config& c) -> auto& { return c.consistency.confirm_primary; }}},

    Key{"database.primary.url",
        TextSlot{[](Config& c) -> auto& { return c.database.primary.url; }, Secrecy::url}},
    Key{"database.primary.pool",
        CountSlot{[](Config& c) -> auto& { return c.database.primary.pool; }, 1, 10'000}},
    Key{"database.primary.through_pooler",
        FlagSlot{[](Config& c) -> auto& { return c.database.primary.through_pooler; }}},
    Key{"database.primary.prepared",
        FlagSlot{[](Config& c) -> auto& { return c.database.primary.prepared; }}},
    Key{"database.feed.url", TextSlot{[](Config& c) -> auto& { return feed(c).url; }, Secrecy::url},
        has_feed},
    Key{"database.feed.publication",
        TextSlot{[](Config& c) -> auto& { return feed(c).publication; }}, has_feed},
    Key{"database.feed.slot", TextSlot{[](Config& c) -> auto& { return feed(c).slot; }}, has_feed},

    Key{"cache.memory.size",
        SizeSlot{[](Config& c) -> auto& { return c.cache.memory_size; }, 0, kTiB}},

    Key{"log.level",
        WordSlot{kLogLevels,
                 [](Config& c, std::size_t i) { c.log.level = static_cast<LogLevel>(i); },
                 [](Config& c) { return static_cast<std::size_t>(c.log.level); }}},
    Key{"log.format",
        WordSlot{kLogFormats,
                 [](Config& c, std::size_t i) { c.log.format = static_cast<LogFormat>(i); },
                 [](Config& c) { return static_cast<std::size_t>(c.log.format); }}},
};

constexpr std::array kCollections{
    Collection{"consistency.tables", false, "{ default: eventual|critical }"},
    Collection{"database.replicas", true, "{ name, url, pool }"},
};
constexpr std::array<std::string_view, 3> kReplicaMembers{"name", "url", "pool"};
constexpr std::array<std::string_view, 1> kTableMembers{"default"};

constexpr std::array<std::string_view, 11> kLaterParts{
    "standby_for",    "backup_quiet", "listen.link.tls", "listen.link.allow",
    "api.aggregates", "api.plan",     "cache.redis",     "link",
    "vault",          "log.loki",     "trace",
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

std::span<const std::string_view> members_of(const Collection& collection) {
    if (collection.is_list) return kReplicaMembers;
    return kTableMembers;
}

/// "database.replicas.0.url" taken apart. A table's name may hold dots, a member never does.
struct ElementPath {
    const Collection* collection;
    std::string_view element;  // "0", "public.payments"; never empty
    std::string_view member;   // empty: the element itself
};

std::optional<ElementPath> element_path(std::string_view path) {
    for (const Collection& collection : kCollections) {
        if (!lies_below(path, collection.path)) continue;
        ElementPath parts{&collection, path.substr(collection.path.size() + 1), {}};
        const std::size_t dot =
            collection.is_list ? parts.element.find('.') : parts.element.rfind('.');
        if (dot != std::string_view::npos) {
            parts.member = parts.element.substr(dot + 1);
            parts.element = parts.element.substr(0, dot);
        }
        if (parts.element.empty()) return std::nullopt;
        return parts;
    }
    return std::nullopt;
}

/// nullopt: not a number as it would be printed, or one too large.
std::optional<std::size_t> replica_index(std::string_view element) {
    const std::optional<std::int64_t> index = parse_count(element);
    const bool padded = element.size() > 1 && element.front() == '0';
    if (!index || padded || *index < 0 || *index >= std::int64_t{kReplicasMax}) return std::nullopt;
    return static_cast<std::size_t>(*index);
}

std::optional<Key> replica_key(std::string_view path, const ElementPath& parts) {
    const std::optional<std::size_t> index = replica_index(parts.element);
    if (!index) return std::nullopt;
    const auto replica = [i = *index](Config& c) -> Replica& {
        std::vector<Replica>& replicas = c.database.replicas;
        if (replicas.size() <= i) replicas.resize(i + 1);
        return replicas[i];
    };
    Key key{std::string{path}, TextSlot{}};
    if (parts.member == "name") {
        key.slot = TextSlot{[=](Config& c) -> auto& { return replica(c).name; }};
    } else if (parts.member == "url") {
        key.slot = TextSlot{[=](Config& c) -> auto& { return replica(c).url; }, Secrecy::url};
    } else if (parts.member == "pool") {
        key.slot = CountSlot{[=](Config& c) -> auto& { return replica(c).pool; }, 1, 10'000};
    } else {
        return std::nullopt;
    }
    return key;
}

std::optional<Key> table_key(std::string_view path, const ElementPath& parts) {
    if (parts.member != "default" || parts.element.find('\0') != std::string_view::npos ||
        !is_utf8(parts.element)) {
        return std::nullopt;
    }
    const std::string table{parts.element};
    return Key{std::string{path},
               WordSlot{kLevels,
                        [table](Config& c, std::size_t i) {
                            c.consistency.tables[table] = static_cast<ConsistencyDefault>(i);
                        },
                        [table](Config& c) {
                            return static_cast<std::size_t>(c.consistency.tables[table]);
                        }}};
}

std::optional<Key> element_key(std::string_view path) {
    const std::optional<ElementPath> parts = element_path(path);
    if (!parts) return std::nullopt;
    return parts->collection->is_list ? replica_key(path, *parts) : table_key(path, *parts);
}

void append_elements(std::vector<Key>& keys, const Config& config, const Collection& collection) {
    std::vector<std::string> names;
    if (collection.is_list) {
        for (std::size_t i = 0; i < config.database.replicas.size(); ++i) {
            names.push_back(std::to_string(i));
        }
    } else {
        for (const auto& [table, level] : config.consistency.tables) names.push_back(table);
    }
    for (const std::string& name : names) {
        for (const std::string_view member : members_of(collection)) {
            std::string path{collection.path};
            path.append(".").append(name).append(".").append(member);
            if (std::optional<Key> key = element_key(path)) keys.push_back(std::move(*key));
        }
    }
}

/// Every fixed key and every section above it, each once.
std::vector<std::string_view> fixed_paths() {
    std::vector<std::string_view> paths;
    for (const Key& key : kKeys) {
        const std::string_view path = key.path;
        for (std::size_t dot = path.find('.'); dot != std::string_view::npos;
             dot = path.find('.', dot + 1)) {
            const std::string_view section = path.substr(0, dot);
            if (std::ranges::find(paths, section) == paths.end()) paths.push_back(section);
        }
        paths.push_back(path);
    }
    for (const Collection& collection : kCollections) paths.push_back(collection.path);
    return paths;
}

std::string nearest_of(std::string_view path, std::span<const std::string_view> candidates) {
    const std::size_t allowed = std::min<std::size_t>(2, last_word(path).size() / 3);
    std::string_view best;
    std::size_t best_distance = allowed + 1;
    for (const std::string_view candidate : candidates) {
        const std::size_t d = distance(path, candidate);
        if (d < best_distance) {
            best_distance = d;
            best = candidate;
        }
    }
    return std::string{best};
}

/// Empty too where the element itself is what cannot be.
std::string nearest_member(std::string_view path) {
    const std::optional<ElementPath> parts = element_path(path);
    if (!parts) return {};
    const std::string meant = nearest_of(parts->member, members_of(*parts->collection));
    std::string whole{path.substr(0, path.size() - parts->member.size())};
    whole.append(meant);
    return meant.empty() || !element_key(whole) ? std::string{} : whole;
}

}  // namespace

std::vector<std::string_view> words_of(std::string_view path) {
    std::vector<std::string_view> words;
    if (const std::optional<ElementPath> parts = element_path(path)) {
        words = words_of(parts->collection->path);
        words.push_back(parts->element);
        if (!parts->member.empty()) words.push_back(parts->member);
        return words;
    }
    while (true) {
        const std::size_t dot = path.find('.');
        words.push_back(path.substr(0, dot));
        if (dot == std::string_view::npos) return words;
        path.remove_prefix(dot + 1);
    }
}

std::vector<Key> keys_of(const Config& config) {
    std::vector<Key> keys;
    for (const Key& key : kKeys) {
        // A collection stands after the last fixed key that the contract names before it.
        if (key.path == "database.primary.url") {
            append_elements(keys, config, kCollections[0]);
        } else if (key.path == "database.feed.url") {
            append_elements(keys, config, kCollections[1]);
        }
        keys.push_back(key);
    }
    return keys;
}

std::optional<Key> find_key(std::string_view path) {
    const auto found = std::ranges::find(kKeys, path, &Key::path);
    if (found != kKeys.end()) return *found;
    return element_key(path);
}

const Collection* find_collection(std::string_view path) {
    const auto found = std::ranges::find(kCollections, path, &Collection::path);
    return found == kCollections.end() ? nullptr : &*found;
}

bool is_section(std::string_view path) {
    if (find_collection(path) != nullptr) return true;
    return std::ranges::any_of(kKeys, [&](const Key& key) { return lies_below(key.path, path); });
}

bool is_later_part(std::string_view path) {
    return std::ranges::any_of(
        kLaterParts, [&](std::string_view part) { return path == part || lies_below(path, part); });
}

std::string nearest(std::string_view path) {
    if (path.size() > 100) return {};
    if (std::ranges::any_of(kCollections,
                            [&](const Collection& c) { return lies_below(path, c.path); })) {
        return nearest_member(path);
    }
    const std::vector<std::string_view> paths = fixed_paths();
    std::string best = nearest_of(path, paths);
    if (!best.empty()) return best;
    // The right word in the wrong section.
    for (const std::string_view candidate : paths) {
        if (last_word(candidate) == last_word(path)) return std::string{candidate};
    }
    return {};
}

}  // namespace lintas::config
