#include "config/reload.hpp"

#include <utility>

namespace lintas::config {

std::vector<std::string> needs_restart(const Config& before, const Config& after) {
    const TlsFiles none{};
    const TlsFiles& old_tls = before.listen.public_.tls ? *before.listen.public_.tls : none;
    const TlsFiles& new_tls = after.listen.public_.tls ? *after.listen.public_.tls : none;
    const auto link_address = [](const Config& config) {
        return config.listen.link ? config.listen.link->address : std::string{};
    };
    const auto slot = [](const Config& config) {
        const std::optional<Feed>& feed = config.database.feed;
        return feed ? feed->publication + "/" + feed->slot : std::string{};
    };
    const std::pair<const char*, bool> changes[] = {
        {"threads", before.threads != after.threads},
        {"listen.public.address", before.listen.public_.address != after.listen.public_.address},
        {"listen.public.tls.cert", old_tls.cert != new_tls.cert},
        {"listen.public.tls.key", old_tls.key != new_tls.key},
        {"listen.admin.address", before.listen.admin.address != after.listen.admin.address},
        {"listen.link.address", link_address(before) != link_address(after)},
        {"database.feed", slot(before) != slot(after)},
    };
    std::vector<std::string> keys;
    for (const auto& [key, changed] : changes) {
        if (changed) keys.emplace_back(key);
    }
    return keys;
}

}  // namespace lintas::config
