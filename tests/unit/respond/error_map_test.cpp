#include <catch2/catch.hpp>

#include "replies.hpp"

using namespace lintas;
using namespace lintas::respond;
using namespace lintas::respond::test;

namespace {

Error sql_error(std::string state, std::string message = "m", std::string details = {},
                std::string hint = {}) {
    return Error{Errc::sql, std::move(message), std::move(details), std::move(hint),
                 std::move(state)};
}

}  // namespace

TEST_CASE("error: every error of ours has its status and code", "[unit][respond]") {
    struct Row {
        Errc code;
        int status;
        std::string name;
    };
    const auto row = GENERATE(values<Row>({
        {Errc::connect_failed, 503, "PGRST000"},
        {Errc::connection_lost, 503, "PGRST001"},
        {Errc::no_catalogue, 503, "PGRST002"},
        {Errc::pool_timeout, 504, "PGRST003"},
        {Errc::query_syntax, 400, "PGRST100"},
        {Errc::rpc_method, 405, "PGRST101"},
        {Errc::bad_body, 400, "PGRST102"},
        {Errc::bad_range, 416, "PGRST103"},
        {Errc::put_filters, 405, "PGRST105"},
        {Errc::unknown_schema, 406, "PGRST106"},
        {Errc::not_acceptable, 406, "PGRST107"},
        {Errc::embed_not_selected, 400, "PGRST108"},
        {Errc::bad_response_headers, 500, "PGRST111"},
        {Errc::bad_response_status, 500, "PGRST112"},
        {Errc::put_window, 400, "PGRST114"},
        {Errc::put_key_mismatch, 400, "PGRST115"},
        {Errc::not_singular, 406, "PGRST116"},
        {Errc::method_not_allowed, 405, "PGRST117"},
        {Errc::bad_raise, 500, "PGRST121"},
        {Errc::bad_preference, 400, "PGRST122"},
        {Errc::aggregates_disabled, 400, "PGRST123"},
        {Errc::max_affected, 400, "PGRST124"},
        {Errc::no_such_path, 404, "PGRST125"},
        {Errc::root_disabled, 404, "PGRST126"},
        {Errc::not_implemented, 400, "PGRST127"},
        {Errc::no_function, 404, "PGRST202"},
        {Errc::no_column, 400, "PGRST204"},
        {Errc::no_table, 404, "PGRST205"},
        {Errc::jwt_not_configured, 500, "PGRST300"},
        {Errc::jwt_undecodable, 401, "PGRST301"},
        {Errc::jwt_required, 401, "PGRST302"},
        {Errc::jwt_claims, 401, "PGRST303"},
        {Errc::no_source, 503, "LNT001"},
        {Errc::deadline_exceeded, 504, "LNT002"},
        {Errc::outcome_unknown, 504, "LNT004"},
        {Errc::overloaded, 503, "LNT005"},
        {Errc::bad_header, 400, "LNT008"},
        {Errc::position_lost, 409, "LNT009"},
        {Errc::deposed, 503, "LNT011"},
        {Errc::body_too_large, 413, "LNT012"},
        {Errc::target_too_long, 414, "LNT012"},
        {Errc::headers_too_large, 431, "LNT012"},
        {Errc::too_complex, 400, "LNT012"},
        {Errc::precondition_failed, 412, "HTTP412"},
        {Errc::only_if_cached, 504, "HTTP504"},
        {Errc::bad_http, 400, "HTTP400"},
        {Errc::cancelled, 499, "HTTP499"},
        {Errc::internal, 500, "PGRSTX00"},
    }));
    const Error error{row.code, "said"};
    const Reply reply = reply_to_error(error, true);
    CHECK(reply.status == row.status);
    CHECK(status_of(error, true) == row.status);
    CHECK(body_of(reply).starts_with("{\"code\":\"" + row.name + "\","));
    CHECK(reply.header("Proxy-Status") == "PostgREST; error=" + row.name);
    CHECK(reply.header("Content-Type") == "application/json; charset=utf-8");
    CHECK(reply.header("Retry-After") == (row.status == 503 ? "1" : ""));
    CHECK(reply.header("WWW-Authenticate").empty() == (row.status != 401));
    CHECK(reply.content_length);
}

TEST_CASE("error: the body is compact, in upstream's order, with its nulls", "[unit][respond]") {
    CHECK(body_of(reply_to_error({Errc::no_column, "no c"}, true)) ==
          R"({"code":"PGRST204","details":null,"hint":null,"message":"no c"})");
    CHECK(body_of(reply_to_error({Errc::bad_body, "a", "b", "c"}, true)) ==
          R"({"code":"PGRST102","details":"b","hint":"c","message":"a"})");
    CHECK(body_of(reply_to_error(sql_error("23505", "dup", "Key", "try"), true)) ==
          R"({"code":"23505","details":"Key","hint":"try","message":"dup"})");
}

TEST_CASE("error: any bytes make valid JSON", "[unit][respond]") {
    const Reply reply =
        reply_to_error(sql_error("22P02", "a\xff\"\\\n\x01\xc3\xa9\xed\xa0\x80z"), true);
    CHECK(
        body_of(reply) ==
        "{\"code\":\"22P02\",\"details\":null,\"hint\":null,\"message\":\"a\xEF\xBF\xBD\\\"\\\\\\n"
        "\\u0001\xc3\xa9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\"}");
}

TEST_CASE("error: a SQLSTATE has the status of its class", "[unit][respond]") {
    struct Row {
        std::string state;
        int status;
    };
    const auto row = GENERATE(values<Row>({
        {"08006", 503}, {"09000", 500}, {"0L000", 403}, {"0P000", 403}, {"21000", 500},
        {"22000", 400}, {"22P02", 400}, {"22023", 400}, {"23502", 400}, {"23503", 409},
        {"23505", 409}, {"23514", 400}, {"25006", 405}, {"25000", 500}, {"28000", 403},
        {"2D000", 500}, {"38000", 500}, {"39000", 500}, {"3B000", 500}, {"40001", 500},
        {"40P01", 500}, {"42601", 400}, {"42703", 400}, {"42883", 404}, {"42P01", 404},
        {"42P17", 500}, {"53400", 500}, {"53300", 503}, {"54001", 500}, {"55000", 500},
        {"57P01", 503}, {"57014", 500}, {"58000", 500}, {"F0000", 500}, {"HV000", 500},
        {"P0001", 400}, {"P0002", 500}, {"XX000", 500}, {"99999", 400}, {"22021", 400},
    }));
    CAPTURE(row.state);
    CHECK(status_of(sql_error(row.state), false) == row.status);
    const Reply reply = reply_to_error(sql_error(row.state), false);
    CHECK(reply.status == row.status);
    CHECK(reply.header("Proxy-Status") == "PostgREST; error=" + row.state);
    CHECK(reply.header("Retry-After") == (row.status == 503 ? "1" : ""));
}

TEST_CASE("error: special cases depend on the message or on who asks", "[unit][respond]") {
    CHECK(status_of(sql_error("42501"), true) == 401);
    CHECK(status_of(sql_error("42501"), false) == 403);
    CHECK(reply_to_error(sql_error("42501"), true).header("WWW-Authenticate") == "Bearer");
    CHECK(status_of(sql_error("22023", "role \"x\" does not exist"), false) == 401);
    CHECK(status_of(sql_error("22023", "time zone \"x\" not recognized"), false) == 400);
    CHECK(status_of(sql_error("21000", "DELETE requires a WHERE clause"), false) == 400);
    CHECK(status_of(sql_error("42883", "function xmlagg(record) does not exist"), false) == 406);
}

TEST_CASE("error: PTnnn sets the status itself", "[unit][respond]") {
    CHECK(status_of(sql_error("PT402"), false) == 402);
    CHECK(status_of(sql_error("PT200"), false) == 200);
    CHECK(status_of(sql_error("PT999"), false) == 500);
    CHECK(status_of(sql_error("PT199"), false) == 500);
    CHECK(status_of(sql_error("PTABC"), false) == 500);
    const Reply paid = reply_to_error(sql_error("PT402", "Payment Required", "d", "h"), false);
    CHECK(body_of(paid) ==
          R"({"code":"PT402","details":"d","hint":"h","message":"Payment Required"})");
    CHECK(reply_to_error(sql_error("PT429"), false, 7).header("Retry-After") == "7");
    const Reply empty = reply_to_error(sql_error("PT204"), false);
    CHECK(body_of(empty).empty());
    CHECK_FALSE(empty.content_length);
}

TEST_CASE("error: RAISE SQLSTATE 'PGRST' writes the whole reply", "[unit][respond]") {
    const Reply reply = reply_to_error(
        sql_error(
            "PGRST", R"({"code":"123","message":"ABC","details":"DEF","hint":"XYZ"})",
            R"({"status":332,"status_text":"My Text","headers":{"X-Header":"str","content-type":"a/b"}})"),
        false);
    CHECK(reply.status == 332);
    CHECK(body_of(reply) == R"({"code":"123","details":"DEF","hint":"XYZ","message":"ABC"})");
    CHECK(reply.header("X-Header") == "str");
    CHECK(reply.header("Content-Type") == "a/b");
    CHECK(reply.header("Proxy-Status") == "PostgREST; error=123");

    const Reply brief = reply_to_error(sql_error("PGRST", R"({"code":"a \"b","message":"m"})",
                                                 R"({"status":503,"headers":{"Retry-After":"9"}})"),
                                       false);
    CHECK(body_of(brief) == R"({"code":"a \"b","details":null,"hint":null,"message":"m"})");
    CHECK(brief.header("Retry-After") == "9");
    CHECK(brief.header("Proxy-Status") == R"(PostgREST; error="a \"b")");
}

TEST_CASE("error: an unreadable raise is a 500 that says what to write", "[unit][respond]") {
    const std::string good_message = R"({"code":"1","message":"m"})";
    const std::string good_detail = R"({"status":400,"headers":{}})";
    const auto code = [](std::string message, std::string detail) {
        const Reply reply =
            reply_to_error(sql_error("PGRST", std::move(message), std::move(detail)), false);
        return std::to_string(reply.status) + " " + body_of(reply).substr(9, 8);
    };
    CHECK(code(good_message, good_detail) == "400 1\",\"deta");
    for (const char* message :
         {"", "INVALID", "[]", R"({"code":"1"})", R"({"message":"m"})",
          R"({"code":1,"message":"m"})", R"({"code":"1","message":"m","hint":3})"}) {
        CAPTURE(message);
        CHECK(code(message, good_detail) == "500 PGRST121");
    }
    for (const char* detail :
         {"", "INVALID", "3", R"({"status":400})", R"({"headers":{}})",
          R"({"status":"400","headers":{}})", R"({"status":99,"headers":{}})",
          R"({"status":600,"headers":{}})", R"({"status":400,"headers":{"a b":"c"}})",
          R"({"status":400,"headers":{"a":1}})", R"({"status":400,"headers":{"a":"b\r\nc: d"}})",
          R"({"status":400,"headers":{"Content-Length":"3"}})"}) {
        CAPTURE(detail);
        CHECK(code(good_message, detail) == "500 PGRST121");
    }
    CHECK(
        body_of(reply_to_error(sql_error("PGRST", good_message), false)) ==
        R"({"code":"PGRST121","details":"DETAIL is missing in the RAISE statement","hint":"DETAIL must be a )"
        R"(JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.",)"
        R"("message":"Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error"})");
}

TEST_CASE("error: a challenge names what is wrong with a token", "[unit][respond]") {
    CHECK(reply_to_error({Errc::jwt_undecodable, "No \"good\" \\ \xC3\xA9\r\nX: y"}, true)
              .header("WWW-Authenticate") ==
          R"(Bearer error="invalid_token", error_description="No \"good\" \\ X: y")");
    CHECK(reply_to_error({Errc::jwt_claims, "JWT expired"}, true).header("WWW-Authenticate") ==
          R"(Bearer error="invalid_token", error_description="JWT expired")");
    CHECK(reply_to_error({Errc::jwt_required, "x"}, true).header("WWW-Authenticate") == "Bearer");
}

TEST_CASE("error: bugs and connection troubles keep their details to the log", "[unit][respond]") {
    for (const Errc code : {Errc::internal, Errc::connect_failed, Errc::connection_lost}) {
        const Error error{code, "host 10.0.0.3 user authenticator", "secret", "secret"};
        const std::string body = body_of(reply_to_error(error, true));
        CHECK(body.find("10.0.0.3") == std::string::npos);
        CHECK(body.find("secret") == std::string::npos);
        CHECK(body.find("\"message\":\"\"") == std::string::npos);
    }
    // A state that PostgreSQL cannot have sent is a bug as well.
    CHECK(body_of(reply_to_error(sql_error("4\r\n1", "x"), true)) ==
          R"({"code":"PGRSTX00","details":null,"hint":null,"message":"Internal error"})");
}

TEST_CASE("error: Retry-After carries the seconds it is given", "[unit][respond]") {
    CHECK(reply_to_error({Errc::overloaded, "x"}, true, 32).header("Retry-After") == "32");
}

TEST_CASE("error: what the caller leaves unsaid has a text of its own", "[unit][respond]") {
    for (const Errc code : {Errc::no_source, Errc::bad_header, Errc::position_lost, Errc::deposed,
                            Errc::precondition_failed, Errc::only_if_cached, Errc::overloaded}) {
        const std::string body = body_of(reply_to_error({code, "", "at 0/16B3748"}, true));
        CAPTURE(body);
        CHECK(body.find("\"details\":\"at 0/16B3748\"") != std::string::npos);
        CHECK(body.find("\"message\":\"\"") == std::string::npos);
    }
}
