#include "app/admin.hpp"

#include <array>
#include <utility>

#include "base/json_text.hpp"
#include "obs/metrics.hpp"
#include "respond/reply.hpp"

namespace lintas::app {

namespace {

constexpr std::string_view kJson = "application/json; charset=utf-8";

/// Objects and arrays written in order, commas where they belong.
class JsonWriter {
 public:
    JsonWriter& begin(char bracket) {
        comma();
        text_ += bracket;
        first_ = true;
        return *this;
    }
    JsonWriter& end(char bracket) {
        text_ += bracket;
        first_ = false;
        return *this;
    }
    JsonWriter& key(std::string_view name) {
        comma();
        append_json_string(text_, name);
        text_ += ':';
        first_ = true;  // no comma before its value
        return *this;
    }
    JsonWriter& member(std::string_view name, std::string_view value) {
        key(name);
        append_json_string(text_, value);
        first_ = false;
        return *this;
    }
    JsonWriter& member(std::string_view name, std::int64_t value) {
        key(name);
        append_int(text_, value);
        first_ = false;
        return *this;
    }
    JsonWriter& flag(std::string_view name, bool value) {
        key(name);
        text_ += value ? "true" : "false";
        first_ = false;
        return *this;
    }
    /// null when empty.
    JsonWriter& optional(std::string_view name, std::string_view value) {
        if (!value.empty()) return member(name, value);
        key(name);
        text_ += "null";
        first_ = false;
        return *this;
    }
    /// null when it is not known.
    JsonWriter& seconds(std::string_view name, std::optional<double> value) {
        key(name);
        if (value) {
            append_json_double(text_, *value);
        } else {
            text_ += "null";
        }
        first_ = false;
        return *this;
    }
    JsonWriter& item(std::string_view value) {
        comma();
        append_json_string(text_, value);
        return *this;
    }
    JsonWriter& newline() {
        text_ += '\n';
        first_ = true;  // lines of JSON, not one array
        return *this;
    }
    std::string take() { return std::move(text_); }

 private:
    void comma() {
        if (!first_) text_ += ',';
        first_ = false;
    }

    std::string text_;
    bool first_ = true;
};

std::string timestamp(std::chrono::system_clock::time_point at) {
    std::array<char, kNumberRoom> text{};
    return {text.data(), put_timestamp(text.data(), at)};
}

Reply reply_with(int status, std::string_view type, std::string body) {
    Reply reply;
    reply.status = status;
    reply.add("Content-Type", std::string{type});
    reply.add("Cache-Control", "no-store");
    reply.body = Body::of(std::move(body));
    return reply;
}

std::vector<Problem> problems_of(const DaemonState& state) {
    std::vector<Problem> all = state.problems;
    if (state.draining)
        all.push_back({"drain", "the daemon is draining and takes no new requests"});
    return all;
}

void write_problem(JsonWriter& json, const Problem& problem) {
    json.begin('{').member("part", problem.part).member("problem", problem.problem).end('}');
}

void write_sources(JsonWriter& json, const std::vector<SourceView>& sources) {
    json.key("sources").begin('[');
    for (const SourceView& source : sources) {
        json.begin('{')
            .member("name", source.name)
            .member("kind", source.kind)
            .member("state", source_state_name(source.state))
            .optional("position", source.position)
            .seconds("lag_s", source.lag_seconds)
            .seconds("round_trip_s", source.round_trip_seconds)
            .optional("error", source.error)
            .end('}');
    }
    json.end(']');
}

void write_caches(JsonWriter& json, const std::vector<CacheView>& caches) {
    json.key("caches").begin('[');
    for (const CacheView& cache : caches) {
        json.begin('{')
            .member("tier", cache.tier)
            .member("entries", static_cast<std::int64_t>(cache.entries))
            .member("bytes", static_cast<std::int64_t>(cache.bytes))
            .member("limit", static_cast<std::int64_t>(cache.limit))
            .member("evictions", static_cast<std::int64_t>(cache.evictions))
            .end('}');
    }
    json.end(']');
}

void write_feed(JsonWriter& json, const FeedView& feed) {
    json.key("feed")
        .begin('{')
        .member("role", feed.role)
        .member("state", feed.state)
        .optional("position", feed.position)
        .seconds("lag_s", feed.lag_seconds)
        .optional("slot", feed.slot)
        .optional("wal_status", feed.wal_status)
        .optional("hub", feed.hub)
        .member("tables", static_cast<std::int64_t>(feed.tables))
        .member("subscribers", static_cast<std::int64_t>(feed.subscribers))
        .member("ring_bytes", static_cast<std::int64_t>(feed.ring_bytes));
    json.key("problems").begin('[');
    for (const std::string& problem : feed.problems) json.item(problem);
    json.end(']').end('}');
}

void write_schema(JsonWriter& json, const SchemaView& schema) {
    json.key("schema")
        .begin('{')
        .flag("loaded", schema.loaded)
        .member("relations", schema.relations)
        .optional("loaded_at", schema.loaded_at ? timestamp(*schema.loaded_at) : std::string{})
        .optional("error", schema.last_error)
        .end('}');
}

void write_pools(JsonWriter& json, const std::vector<PoolTotals>& pools) {
    json.key("pools").begin('[');
    for (const PoolTotals& pool : pools) {
        json.begin('{')
            .member("name", pool.name)
            .member("limit", pool.limit)
            .member("idle", pool.idle)
            .member("busy", pool.busy)
            .member("connecting", pool.connecting)
            .member("waiting", pool.waiting)
            .end('}');
    }
    json.end(']');
}

Reply refuse_page() {
    return reply_with(
        403, kJson,
        R"({"code":null,"message":"The admin listener takes no requests from web pages",)"
        R"("details":null,"hint":null})");
}

Reply accepted(std::string_view what) {
    return reply_with(202, kJson, JsonWriter{}.begin('{').member(what, "started").end('}').take());
}

using Answer = Reply (*)(const AdminHooks&);

struct AdminPath {
    std::string_view path;
    bool posted;  // POST; otherwise GET and HEAD
    Answer answer;
};

constexpr std::array kPaths{
    AdminPath{"/live", false,
              [](const AdminHooks&) { return reply_with(200, kJson, R"({"live":true})"); }},
    AdminPath{"/ready", false,
              [](const AdminHooks& hooks) { return reply_to_ready(hooks.state()); }},
    AdminPath{"/status", false,
              [](const AdminHooks& hooks) { return reply_to_status(hooks.state()); }},
    AdminPath{"/metrics", false,
              [](const AdminHooks& hooks) {
                  return reply_with(200, obs::Metrics::kContentType, hooks.metrics());
              }},
    AdminPath{"/reload", true,
              [](const AdminHooks& hooks) {
                  hooks.reload();
                  return accepted("reload");
              }},
    AdminPath{"/drain", true,
              [](const AdminHooks& hooks) {
                  hooks.drain();
                  return accepted("drain");
              }},
};

}  // namespace

std::string_view source_state_name(SourceState state) {
    switch (state) {
        case SourceState::up:
            return "up";
        case SourceState::down:
            return "down";
        case SourceState::lagging:
            return "lagging";
        case SourceState::quarantined:
            return "quarantined";
    }
    return "down";
}

Reply reply_to_ready(const DaemonState& state) {
    const std::vector<Problem> problems = problems_of(state);
    JsonWriter json;
    if (problems.empty()) {
        json.begin('{').flag("ready", true).flag("degraded", state.degraded).end('}');
        return reply_with(200, kJson, json.take());
    }
    for (const Problem& problem : problems) {
        write_problem(json, problem);
        json.newline();
    }
    Reply reply = reply_with(503, "application/x-ndjson", json.take());
    reply.add("Retry-After", "1");
    return reply;
}

Reply reply_to_status(const DaemonState& state) {
    const std::vector<Problem> problems = problems_of(state);
    JsonWriter json;
    json.begin('{')
        .member("role", state.role)
        .member("site", state.site)
        .member("version", state.version)
        .member("started", timestamp(state.started))
        .member("uptime_s", state.uptime.count())
        .flag("ready", problems.empty())
        .flag("degraded", state.degraded)
        .flag("draining", state.draining);
    json.key("problems").begin('[');
    for (const Problem& problem : problems) write_problem(json, problem);
    json.end(']');
    write_sources(json, state.sources);
    write_schema(json, state.schema);
    write_pools(json, state.pools);
    write_caches(json, state.caches);
    write_feed(json, state.feed);
    json.member("connections", state.connections).member("in_flight", state.in_flight).end('}');
    return reply_with(200, kJson, json.take());
}

Reply answer_admin(const RawRequest& raw, const AdminHooks& hooks) {
    const std::string_view path = raw.target.substr(0, raw.target.find('?'));
    for (const AdminPath& known : kPaths) {
        if (known.path != path) continue;
        const bool right =
            known.posted ? raw.method == "POST" : raw.method == "GET" || raw.method == "HEAD";
        if (!right) {
            Reply reply = respond::reply_to_error(
                {Errc::method_not_allowed, "Unsupported HTTP method: " + std::string{raw.method}},
                false);
            reply.set("Allow", known.posted ? "POST" : "GET, HEAD");
            return reply;
        }
        if (known.posted && raw.has_header("origin")) return refuse_page();
        return known.answer(hooks);
    }
    return respond::reply_to_error({Errc::no_such_path, "Invalid path specified in request URL"},
                                   false);
}

Task<Reply> AdminHandler::handle(const RawRequest& raw, Deadline) {
    co_return answer_admin(raw, hooks_);
}

Reply AdminHandler::refuse(const Error& error) {
    return respond::reply_to_error(error, false);
}

}  // namespace lintas::app
