#include "auth/claims.hpp"

#include "auth/json_members.hpp"
#include "auth/role.hpp"
#include "support.hpp"

namespace lintas::auth {

namespace {

std::string judged(const std::string& claims, std::int64_t now = 1'000,
                   const ClaimRules& rules = {{"role"}, "", "anon"}) {
    REQUIRE(parse_json(claims).has_value());
    return outcome(Claims::read(claims, rules).judge(now));
}

}  // namespace

TEST_CASE("claims: dates have thirty seconds of tolerance and no more", "[unit][auth]") {
    struct Row {
        const char* claims;
        std::int64_t now;
        const char* says;
    };
    const auto row = GENERATE(values<Row>({
        {R"({"exp":1000})", 999, "anon"},
        {R"({"exp":1000})", 1030, "anon"},
        {R"({"exp":1000})", 1031, "PGRST303|JWT expired"},
        {R"({"exp":1000.9})", 1030, "anon"},
        {R"({"exp":1000.9})", 1031, "PGRST303|JWT expired"},
        {R"({"exp":0})", 1000, "PGRST303|JWT expired"},
        {R"({"exp":-5})", 1000, "PGRST303|JWT expired"},
        {R"({"exp":1e30})", 1000, "anon"},
        {R"({"exp":-1e30})", 1000, "PGRST303|JWT expired"},
        {R"({"exp":18446744073709551615})", 1000, "anon"},
        {R"({"exp":99999999999999999999999999})", 1000, "anon"},
        {R"({"exp":null})", 1000, "anon"},
        {R"({"exp":"1000"})", 999, "PGRST303|The JWT 'exp' claim must be a number"},
        {R"({"exp":true})", 999, "PGRST303|The JWT 'exp' claim must be a number"},
        {R"({"nbf":1000})", 970, "anon"},
        {R"({"nbf":1000})", 969, "PGRST303|JWT not yet valid"},
        {R"({"nbf":1000.5})", 970, "PGRST303|JWT not yet valid"},
        {R"({"nbf":1e300})", 1000, "PGRST303|JWT not yet valid"},
        {R"({"nbf":[]})", 1000, "PGRST303|The JWT 'nbf' claim must be a number"},
        {R"({"iat":1000})", 970, "anon"},
        {R"({"iat":1000})", 969, "PGRST303|JWT issued at future"},
        {R"({"iat":{}})", 1000, "PGRST303|The JWT 'iat' claim must be a number"},
        // The first in upstream's order is the one reported.
        {R"({"aud":1,"iat":"x","nbf":"x","exp":1})", 1000, "PGRST303|JWT expired"},
        {R"({"aud":1,"iat":"x","nbf":9999})", 1000, "PGRST303|JWT not yet valid"},
    }));
    CAPTURE(row.claims, row.now);
    CHECK(judged(row.claims, row.now) == row.says);
}

TEST_CASE("claims: aud is compared only when configured, and must be well-formed always",
          "[unit][auth]") {
    struct Row {
        const char* claims;
        const char* configured;
        const char* open;
    };
    constexpr const char* kBad =
        "PGRST303|The JWT 'aud' claim must be a string or an array of strings";
    const auto row = GENERATE_REF(values<Row>({
        {"{}", "anon", "anon"},
        {R"({"aud":null})", "anon", "anon"},
        {R"({"aud":[]})", "anon", "anon"},
        {R"({"aud":"me"})", "anon", "anon"},
        {R"({"aud":["you","me"]})", "anon", "anon"},
        {R"({"aud":""})", "PGRST303|JWT not in audience", "anon"},
        {R"({"aud":"you"})", "PGRST303|JWT not in audience", "anon"},
        {R"({"aud":["you"]})", "PGRST303|JWT not in audience", "anon"},
        {R"({"aud":"me "})", "PGRST303|JWT not in audience", "anon"},
        {R"({"aud":7})", kBad, kBad},
        {R"({"aud":["me",7]})", kBad, kBad},
        {R"({"aud":{"me":1}})", kBad, kBad},
    }));
    CAPTURE(row.claims);
    CHECK(judged(row.claims, 1000, {{"role"}, "me", "anon"}) == row.configured);
    CHECK(judged(row.claims, 1000, {{"role"}, "", "anon"}) == row.open);
}

TEST_CASE("claims: the role comes from its path, else it is the anonymous one", "[unit][auth]") {
    struct Row {
        const char* path;
        const char* claims;
        const char* says;
    };
    const auto row = GENERATE(values<Row>({
        {".role", R"({"role":"author"})", "author"},
        {".role", R"( { "x" : "}" , "role" : "author" } )", "author"},
        {".role", R"({"role":"a\"\u00e9"})", "a\"é"},
        {".role", R"({"r\u006fle":"author"})", "author"},
        {".role", R"({"role":null})", "anon"},
        {".role", R"({"roles":"x","a":{"role":"y"}})", "anon"},
        {".role", R"({"role":12.50})", "12.50"},
        {".role", R"({"role":["a"]})", "[\"a\"]"},
        {".a.b", R"({"a":{"c":"]","b":"deep"}})", "deep"},
        {".a.b", R"({"a":[{"b":"x"}]})", "anon"},
        {".a.b", R"({"a":"b"})", "anon"},
        {".a[1]", R"({"a":["x","y"]})", "y"},
        {".a[2]", R"({"a":["x","y"]})", "anon"},
        {".a[0]", R"({"a":[]})", "anon"},
        {".a[0]", R"({"a":{"0":"x"}})", "anon"},
        {".a[1][0].b", R"({"a":[[],[{"b":"z"}]]})", "z"},
        {".\"https://x/y\".role", R"({"https://x/y":{"role":"ns"}})", "ns"},
        // SET ROLE '' and SET ROLE none would be the connection's own user.
        {".role", R"({"role":""})", "PGRST303|The JWT role claim does not name a role"},
        {".role", R"({"role":"none"})", "PGRST303|The JWT role claim does not name a role"},
        {".role", R"({"role":"a\u0000b"})", "PGRST303|The JWT role claim does not name a role"},
    }));
    CAPTURE(row.path, row.claims);
    CHECK(judged(row.claims, 1000, {*config::parse_claim_path(row.path), "", "anon"}) == row.says);
}

TEST_CASE("claims: without an anonymous role a token must name one", "[unit][auth]") {
    CHECK(judged("{}", 1000, {{"role"}, "", ""}) == "PGRST302|Anonymous access is disabled");
    CHECK(judged(R"({"role":"a"})", 1000, {{"role"}, "", ""}) == "a");
    CHECK(judged(R"({"exp":1})", 1000, {{"role"}, "", ""}) == "PGRST303|JWT expired");
}

TEST_CASE("claims: a token of the anonymous role is as anonymous as none", "[unit][auth]") {
    const ClaimRules rules{{"role"}, "", "anon"};
    CHECK(Claims::read(R"({"role":"anon"})", rules).judge(0)->anonymous);
    CHECK(Claims::read("{}", rules).judge(0)->anonymous);
    CHECK_FALSE(Claims::read(R"({"role":"author"})", rules).judge(0)->anonymous);
}

TEST_CASE("claims: only the role is written, everything else stays as the issuer wrote it",
          "[unit][auth]") {
    struct Row {
        const char* claims;
        const char* role;
        const char* json;
    };
    const auto row = GENERATE(values<Row>({
        {"{}", "a", R"({"role":"a"})"},
        {" { } ", "a", R"({"role":"a"})"},
        {R"({"n":1.10,"big":123456789012345678901234567890,"e":1E5})", "a",
         R"({"role":"a","n":1.10,"big":123456789012345678901234567890,"e":1E5})"},
        {R"({"n":1.10, "role":"a"})", "a", R"({"n":1.10, "role":"a"})"},
        {R"({"role" : "b" , "n":1})", "a", R"({"role" : "a" , "n":1})"},
        {R"({"role":{"x":["}"]},"n":1})", "a", R"({"role":"a","n":1})"},
        {R"({"role":null})", "a\"\\\x01", R"({"role":"a\"\\\u0001"})"},
        {R"({"x":{"role":"z"}})", "a", R"({"role":"a","x":{"role":"z"}})"},
        {"{\"x\":\"\\\"role\\\":1\"}", "é", "{\"role\":\"é\",\"x\":\"\\\"role\\\":1\"}"},
    }));
    CAPTURE(row.claims);
    const std::string json = with_role(row.claims, row.role);
    CHECK(json == row.json);
    const auto value = parse_json(json);
    REQUIRE(value.has_value());
    CHECK(std::string{value->at("role").as_string()} == row.role);
}

TEST_CASE("json: members and elements keep the text of their values", "[unit][auth]") {
    const std::vector<Member> members = members_of(
        " {\"a\" : 1.0 ,\"b\\\\\":[1, \"]\"],\"c\":{\"d\":\"}\\\"\"}, \"e\":tru"
        "e} ");
    REQUIRE(members.size() == 4);
    CHECK(members[0].name == "a");
    CHECK(members[0].value == "1.0");
    CHECK(members[1].name == "b\\");
    CHECK(members[1].value == "[1, \"]\"]");
    CHECK(members[2].value == "{\"d\":\"}\\\"\"}");
    CHECK(members[3].value == "true");
    CHECK(elements_of("[ 1 ,[2,3], \"x,y\" ]") ==
          std::vector<std::string_view>{"1", "[2,3]", "\"x,y\""});
    CHECK(elements_of(" [ ] ").empty());
    CHECK_FALSE(has_duplicate_names(R"([{"a":1},{"a":1},"a","a"])"));
    CHECK(has_duplicate_names(R"([{"a":[{"x":0,"y":0,"x":0}]}])"));
    CHECK_FALSE(has_duplicate_names("7"));
}

}  // namespace lintas::auth
