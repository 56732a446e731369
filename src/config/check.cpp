// One function per section of the file, in its order.

#include "config/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/address.hpp"
#include "config/claim_path.hpp"
#include "config/secret.hpp"

namespace lintas::config {

namespace {

constexpr std::size_t kPositionKeyBytesMin = 16;
constexpr std::size_t kNameBytesMax = 63;  // of PostgreSQL's identifiers, too

class Checker {
 public:
    Checker(const Config& config, const Origins& origins, Problems& problems)
        : config_(config), origins_(origins), problems_(problems) {}

    void run() const {
        site();
        listen();
        api();
        jwt();
        consistency();
        database();
        replicas();
        feed();
    }

 private:
    void add(std::string_view key, std::string_view what) const {
        if (!origins_.failed(key)) problems_.add(origins_.of(key), key, what);
    }

    void site() const {
        // It travels in Via and in metric labels.
        if (!is_plain_name(config_.site)) {
            add("site", "must be at most 63 letters, digits, '-', '_' and '.'");
        }
    }

    static bool is_plain_name(std::string_view name) {
        return name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
                   return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
               });
    }

    static constexpr std::string_view kHow = "must be host:port, like 127.0.0.1:8080 or [::1]:8080";

    void listen() const {
        const std::optional<HostPort> open = parse_host_port(config_.listen.public_.address);
        const std::optional<HostPort> admin = parse_host_port(config_.listen.admin.address);
        if (!open) add("listen.public.address", kHow);
        if (!admin) add("listen.admin.address", kHow);
        if (open && admin && *open == *admin && open->port != 0) {
            add("listen.admin.address", "is also listen.public.address");
        }
        if (config_.listen.link) link(open, admin);
        if (const std::optional<TlsFiles>& tls = config_.listen.public_.tls) {
            required_file("listen.public.tls.cert", tls->cert);
            required_file("listen.public.tls.key", tls->key);
        }
    }

    void link(const std::optional<HostPort>& open, const std::optional<HostPort>& admin) const {
        constexpr std::string_view kKey = "listen.link.address";
        const std::string& address = config_.listen.link->address;
        if (address.empty()) return add(kKey, "is required, since listen.link is there");
        const std::optional<HostPort> link = parse_host_port(address);
        if (!link) return add(kKey, kHow);
        const bool loopback = link->host == "localhost" || link->host == "::1" ||
                              (link->host.starts_with("127.") &&
                               link->host.find_first_not_of("0123456789.") == std::string::npos);
        if (!loopback) {
            add(kKey, "must be a loopback address; TLS for the link is not part of this build");
        }
        if (link->port == 0) return;
        if (open && *open == *link) add(kKey, "is also listen.public.address");
        if (admin && *admin == *link) add(kKey, "is also listen.admin.address");
    }

    void required_file(std::string_view key, const std::string& path) const {
        if (path.empty()) return add(key, "is required, since listen.public.tls is there");
        readable(key, path);
    }

    void readable(std::string_view key, const std::string& path) const {
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rbe"),
                                                                   &std::fclose};
        // A directory opens; only reading tells.
        if (file && (std::fgetc(file.get()) != EOF || std::ferror(file.get()) == 0)) return;
        add(key, fmt::format("cannot be read: {}", std::strerror(errno)));
    }

    void api() const {
        const Api& api = config_.api;
        if (api.schemas.empty()) add("api.schemas", "must name at least one schema");
        for (const std::string& schema : api.schemas) {
            if (schema == "pg_catalog" || schema == "information_schema") {
                add("api.schemas", fmt::format("{} must not be exposed", schema));
            }
            if (std::ranges::count(api.schemas, schema) > 1) {
                add("api.schemas", "names a schema twice");
                break;
            }
        }
        // SET ROLE none would mean the connection's own user.
        if (api.anon_role == "none") add("api.anon_role", "\"none\" is not a role");
        if (!api.pre_request.empty() && !is_function(api.pre_request)) {
            add("api.pre_request", "must be schema.function");
        }
        if (!api.testing &&
            (api.tx_end == TxEnd::rollback || api.tx_end == TxEnd::rollback_allow_override)) {
            add("api.tx_end", "rollback and rollback_allow_override need api.testing: true");
        }
        for (const std::string& origin : api.cors_origins) {
            if (!is_web_origin(origin)) {
                add("api.cors_origins",
                    "must hold origins like https://example.org, without a path");
                break;
            }
        }
    }

    static bool is_function(std::string_view name) {
        const std::size_t dot = name.find('.');
        return dot != std::string_view::npos && dot > 0 && dot + 1 < name.size() &&
               name.find('.', dot + 1) == std::string_view::npos;
    }

    static bool is_web_origin(std::string_view origin) {
        const std::size_t scheme = origin.find("://");
        if (scheme == std::string_view::npos || scheme == 0) return false;
        const std::string_view host = origin.substr(scheme + 3);
        return !host.empty() && std::ranges::all_of(host, [](char c) {
            return c > ' ' && c < '\x7f' && c != '/' && c != '?' && c != '#' && c != '@';
        });
    }

    void jwt() const {
        const Jwt& jwt = config_.api.jwt;
        if (!jwt.secret.empty() && !jwt.jwks.empty()) {
            add("api.jwt", "secret and jwks exclude each other");
        }
        if (!jwt.secret.empty()) {
            const std::optional<std::string> bytes = secret_bytes(jwt);
            if (!bytes) {
                add("api.jwt.secret", "is not base64, which secret_is_base64 says it is");
            } else if (bytes->size() < kSecretBytesMin) {
                add("api.jwt.secret",
                    fmt::format("must be at least {} bytes long", kSecretBytesMin));
            }
        }
        if (!jwt.jwks.empty()) readable("api.jwt.jwks", jwt.jwks);
        if (!parse_claim_path(jwt.role_claim)) {
            add("api.jwt.role_claim", "must be a path such as .role or .realm.\"my roles\"[0]");
        }
    }

    void consistency() const {
        const std::string& key = config_.consistency.position_key;
        if (!key.empty() && key.size() < kPositionKeyBytesMin) {
            add("consistency.position_key",
                fmt::format("must be at least {} bytes long", kPositionKeyBytesMin));
        }
    }

    void database() const {
        const std::string& url = config_.database.primary.url;
        if (url.empty()) return add("database.primary.url", "is required for --role=primary");
        plausible("database.primary.url", url);
    }

    void plausible(std::string_view key, std::string_view url) const {
        const bool fine =
            url.starts_with("postgresql://") || url.starts_with("postgres://") ||
            (url.find("://") == std::string_view::npos && url.find('=') != std::string_view::npos);
        if (!fine) {
            add(key, "must be postgresql://... or libpq keywords such as host=... dbname=...");
        }
    }

    void replicas() const {
        const std::vector<Replica>& replicas = config_.database.replicas;
        for (std::size_t i = 0; i < replicas.size(); ++i) {
            const std::string element = fmt::format("database.replicas.{}", i);
            if (origins_.failed(element)) continue;
            const std::string name_key = element + ".name";
            const std::string url_key = element + ".url";
            const Replica& replica = replicas[i];
            if (replica.name.empty()) {
                add(name_key, "is required");
            } else if (!is_plain_name(replica.name)) {
                add(name_key, "must be at most 63 letters, digits, '-', '_' and '.'");
            } else if (std::ranges::find(replicas.begin(), replicas.begin() + std::ptrdiff_t(i),
                                         replica.name,
                                         &Replica::name) != replicas.begin() + std::ptrdiff_t(i)) {
                add(name_key, "is the name of another replica already");
            }
            if (replica.url.empty()) {
                add(url_key, "is required");
            } else {
                plausible(url_key, replica.url);
            }
        }
    }

    void feed() const {
        if (!config_.database.feed) return;
        const Feed& feed = *config_.database.feed;
        if (feed.url.empty()) {
            add("database.feed.url", "is required, since database.feed is there");
        } else {
            plausible("database.feed.url", feed.url);
        }
        // PostgreSQL would cut a longer name off, and the publication would not be found again.
        if (feed.publication.size() > kNameBytesMax) {
            add("database.feed.publication", "must be at most 63 bytes long");
        }
        const bool slot = std::ranges::all_of(feed.slot, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        });
        if (!slot || feed.slot.size() > kNameBytesMax) {
            add("database.feed.slot",
                "must be at most 63 lower-case letters, digits and '_', as PostgreSQL wants it");
        }
    }

    const Config& config_;
    const Origins& origins_;
    Problems& problems_;
};

}  // namespace

void check(const Config& config, const Origins& origins, Problems& problems) {
    Checker{config, origins, problems}.run();
}

}  // namespace lintas::config
