#pragma once
// The configuration of CONTRACT.md section 2, as far as this build's parts exist. Keys of parts
// that are not there are unknown keys.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lintas::config {

enum class Role { primary };  // regional and backup come with the link

struct TlsFiles {
    std::string cert;
    std::string key;
    bool operator==(const TlsFiles&) const = default;
};

struct Endpoint {
    std::string address;  // "0.0.0.0:8080", "[::1]:9090"; port 0 asks the kernel for one
    std::optional<TlsFiles> tls{};
    bool operator==(const Endpoint&) const = default;
};

struct Listen {
    Endpoint public_{"0.0.0.0:8080", std::nullopt};
    Endpoint admin{"127.0.0.1:9090", std::nullopt};
    std::optional<Endpoint> link{};  // the feed for other processes; loopback only, without TLS
    bool operator==(const Listen&) const = default;
};

struct Limits {
    std::int64_t connections = 20000;
    std::int64_t header_bytes = 16 * 1024;
    std::int64_t target_bytes = 8 * 1024;
    std::int64_t body_bytes = 8 * 1024 * 1024;
    std::chrono::milliseconds request_timeout{5000};
    std::chrono::milliseconds header_timeout{10000};
    std::chrono::milliseconds body_timeout{30000};
    std::chrono::milliseconds idle_timeout{75000};
    std::chrono::milliseconds drain{20000};
    std::int64_t in_flight = 4096;
    std::int64_t nesting = 32;
    std::int64_t filters = 256;
    bool operator==(const Limits&) const = default;
};

struct Jwt {
    std::string secret{};  // secret: never printed
    bool secret_is_base64 = false;
    std::string jwks{};  // file with a JWK or a JWK set
    std::string audience{};
    std::string role_claim = ".role";
    bool operator==(const Jwt&) const = default;
};

enum class TxEnd { commit, commit_allow_override, rollback, rollback_allow_override };

struct Api {
    std::vector<std::string> schemas{"public"};
    std::vector<std::string> extra_search_path{"public"};
    std::string anon_role{};  // empty: requests run as the connection's own user
    Jwt jwt{};
    std::vector<std::string> cache_claims{"sub"};  // those row-level policies read
    std::string pre_request{};                     // "schema.function"; empty: none
    std::optional<std::int64_t> max_rows{};
    TxEnd tx_end = TxEnd::commit;
    bool testing = false;
    std::vector<std::string> cors_origins{};
    bool operator==(const Api&) const = default;
};

struct Consistency {
    enum class Default { eventual, critical };
    Default default_ = Default::eventual;
    std::chrono::milliseconds max_staleness{5000};
    std::chrono::milliseconds replica_wait{150};  // 0: a read never waits for a replica
    std::string position_key{};  // secret: never printed; empty: tokens are not signed
    bool cookie = false;
    bool local_only = false;
    bool confirm_primary = false;
    std::map<std::string, Default> tables{};  // by "table" or "schema.table", as written
    bool operator==(const Consistency&) const = default;
};
using ConsistencyDefault = Consistency::Default;

struct PrimaryDatabase {
    std::string url{};  // holds a password: never printed as it is
    std::int64_t pool = 16;
    bool through_pooler = false;
    bool prepared = true;
    bool operator==(const PrimaryDatabase&) const = default;
};

struct Replica {
    std::string name{};  // unique; the name in Lintas-Source, metrics and /status
    std::string url{};   // holds a password: never printed as it is
    std::int64_t pool = 8;
    bool operator==(const Replica&) const = default;
};

struct Feed {
    std::string url{};  // a direct connection, never a pooler; holds a password
    std::string publication = "lintas";
    std::string slot = "lintas";
    bool operator==(const Feed&) const = default;
};

struct Database {
    PrimaryDatabase primary{};
    std::vector<Replica> replicas{};
    std::optional<Feed> feed{};  // none: caches are bounded by max_staleness alone
    bool operator==(const Database&) const = default;
};

struct Cache {
    std::int64_t memory_size = std::int64_t{256} * 1024 * 1024;  // bytes; 0: no memory cache
    bool operator==(const Cache&) const = default;
};

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { json, text };

struct Log {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::json;
    bool operator==(const Log&) const = default;
};

struct Config {
    Role role = Role::primary;
    std::string site = "local";
    std::int64_t threads = 0;  // 0: one per core
    Listen listen{};
    Limits limits{};
    Api api{};
    Consistency consistency{};
    Database database{};
    Cache cache{};
    Log log{};
    bool operator==(const Config&) const = default;
};

}  // namespace lintas::config
