#pragma once
// What the parts of one feed share. Everything here belongs to the control loop.

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/task_group.hpp"
#include "feed/feed.hpp"
#include "feed/ring.hpp"
#include "feed/tables.hpp"
#include "position/progress.hpp"

namespace lintas::feed {

/// Sentences for /status; each is logged once when it begins and when it ends.
class Problems {
 public:
    explicit Problems(const FeedHooks& hooks) : hooks_(hooks) {}

    /// `about` has static storage.
    void set(std::string_view about, std::string sentence, std::string_view level = "warn") {
        std::string& known = sentences_[about];
        if (known == sentence) return;
        known = std::move(sentence);
        if (hooks_.on_event) hooks_.on_event(level, known);
    }
    void clear(std::string_view about) {
        if (sentences_.erase(about) > 0 && hooks_.on_event) {
            hooks_.on_event("info", fmt::format("No longer: {}.", about));
        }
    }
    /// Of a part that this process does not play any more: it neither goes on nor is it over.
    void forget(std::string_view about) { sentences_.erase(about); }
    std::vector<std::string> all() const {
        std::vector<std::string> list;
        for (const auto& [about, sentence] : sentences_) list.push_back(sentence);
        return list;
    }

 private:
    const FeedHooks& hooks_;
    std::map<std::string_view, std::string> sentences_;
};

struct Context {
    Context(asio::io_context& io_, FeedOptions options_, position::Progress& progress_,
            FeedHooks hooks_)
        : io(io_),
          options(std::move(options_)),
          progress(progress_),
          hooks(std::move(hooks_)),
          ring(options.ring_bytes) {}

    void event(std::string_view level, std::string_view text) const {
        if (hooks.on_event) hooks.on_event(level, text);
    }
    void schema_changed() const {
        progress.note_schema_change(progress.watermark());
        if (hooks.on_schema_change) hooks.on_schema_change();
    }

    asio::io_context& io;
    FeedOptions options;
    position::Progress& progress;
    const FeedHooks hooks;
    TableBook book{};
    Ring ring;
    Problems problems{hooks};
    TaskGroup* tasks = nullptr;  // of Feed::run()
};

// What problems are about.
inline constexpr std::string_view kAboutFeed = "the change feed stands still";
inline constexpr std::string_view kAboutTables = "the list of published tables cannot be read";
inline constexpr std::string_view kAboutHeartbeat = "the heartbeat cannot be written";
inline constexpr std::string_view kAboutHubRow = "other processes cannot find this hub";
inline constexpr std::string_view kAboutWal = "the slot is in danger";
inline constexpr std::string_view kAboutTriggers = "DDL is not in the feed";

}  // namespace lintas::feed
