#pragma once
// Requests that this thread has understood before: the same bytes mean the same question, as long
// as configuration and catalogue are the same. It saves the hit path all of the parsing.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/http_message.hpp"
#include "obs/event.hpp"
#include "schema/catalogue.hpp"

namespace lintas::app {

struct Settings;

struct KnownRequest {
    std::shared_ptr<Settings> settings{};
    schema::Snapshot catalogue{};
    std::string cache_key{};
    std::chrono::nanoseconds bound{};
    obs::Consistency consistency = obs::Consistency::eventual;
    std::string schema{};
    std::string relation{};
    std::string role{};
};

/// Thread: one, its own.
class KnownRequests {
 public:
    /// Null: not known, or not of the kind that can be: a GET of somebody anonymous that asks for
    /// nothing about consistency, conditions or origins. Valid until the next remember().
    const KnownRequest* find(const RawRequest& raw);
    void remember(const RawRequest& raw, KnownRequest known);

 private:
    /// What of the request decides its meaning; false: not of the kind.
    bool describe(const RawRequest& raw);

    // Two generations: what is asked for again survives, and memory stays bounded.
    static constexpr std::size_t kGeneration = 8192;
    using Map = std::unordered_map<std::string, KnownRequest>;
    Map young_;
    Map old_;
    std::string text_;
};

}  // namespace lintas::app
