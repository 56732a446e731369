#include "obs/observer.hpp"

namespace lintas::obs {

namespace {

LogLevel level_of(int status) {
    if (status == 500) return LogLevel::error;  // a fault of ours or of the database's own code
    return status > 500 ? LogLevel::warn : LogLevel::info;
}

}  // namespace

void Observer::done(const RequestEvent& event) {
    metrics_.request(event);
    log_.line(level_of(event.status), "request", [&](Line& line) {
        line.word("method", label(event.method))
            .text("path", path_of(event.path))
            .number("status", event.status)
            .word("route", label(event.route))
            .word("source", label(event.source));
        if (event.consistency) line.word("consistency", label(*event.consistency));
        line.text_if("schema", event.schema)
            .text_if("relation", event.relation)
            .text_if("db_role", event.database_role)
            .text_if("code", event.error_code)
            .milliseconds("duration_ms", event.duration);
        if (event.memory) line.word("memory", label(*event.memory));
        if (event.age) line.milliseconds("age_ms", *event.age);
        if (event.query) line.milliseconds("db_ms", event.database_time);
        line.number("bytes", static_cast<std::int64_t>(event.response_bytes));
        if (event.rows) line.number("rows", *event.rows);
        line.text_if("peer", event.peer).text_if("request_id", event.request_id);
        if (event.trace != nullptr) {
            line.word("trace_id", event.trace->trace_id_text())
                .word("span_id", event.trace->span_id_text())
                .text_if("parent_span_id", event.trace->parent_id_text());
        }
    });
}

}  // namespace lintas::obs
