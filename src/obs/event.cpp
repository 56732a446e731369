#include "obs/event.hpp"

#include <array>

namespace lintas::obs {

namespace {

constexpr std::array<std::string_view, kMethods> kMethodLabels{"GET", "HEAD",   "POST",    "PATCH",
                                                               "PUT", "DELETE", "OPTIONS", "other"};
constexpr std::array<std::string_view, kRoutes> kRouteLabels{"table", "rpc", "root", "queue",
                                                             "other"};
constexpr std::array<std::string_view, kSources> kSourceLabels{"memory",  "redis", "replica",
                                                               "primary", "link",  "none"};
constexpr std::array<std::string_view, kConsistencies> kConsistencyLabels{"eventual", "bounded",
                                                                          "session", "critical"};
constexpr std::array<std::string_view, kQueryKinds> kQueryLabels{"read", "write", "catalogue"};
constexpr std::array<std::string_view, kCacheResults> kCacheLabels{"hit", "stale", "miss", "bypass",
                                                                   "error"};

}  // namespace

std::string_view label(Method method) {
    return kMethodLabels[static_cast<std::size_t>(method)];
}
std::string_view label(Route route) {
    return kRouteLabels[static_cast<std::size_t>(route)];
}
std::string_view label(Source source) {
    return kSourceLabels[static_cast<std::size_t>(source)];
}
std::string_view label(Consistency consistency) {
    return kConsistencyLabels[static_cast<std::size_t>(consistency)];
}
std::string_view label(QueryKind kind) {
    return kQueryLabels[static_cast<std::size_t>(kind)];
}

std::string_view label(CacheResult result) {
    return kCacheLabels[static_cast<std::size_t>(result)];
}

Method method_from(std::string_view name) {
    for (std::size_t i = 0; i + 1 < kMethods; ++i) {  // "other" is not a name that a client can use
        if (kMethodLabels[i] == name) return static_cast<Method>(i);
    }
    return Method::other;
}

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find_first_of("?#"));
}

}  // namespace lintas::obs
