#include "respond/reply.hpp"

namespace lintas::respond {

Reply reply_to_options(std::string_view allow) {
    Reply reply;
    reply.add("Allow", std::string{allow});
    reply.add("Access-Control-Allow-Origin", "*");
    return reply;
}

std::string allow_for_relation(const schema::Relation& relation) {
    std::string allow{kAllowForRoot};
    if (relation.insertable) allow += ",POST";
    if (relation.insertable && relation.updatable && !relation.primary_key.empty()) allow += ",PUT";
    if (relation.updatable) allow += ",PATCH";
    if (relation.deletable) allow += ",DELETE";
    return allow;
}

std::string allow_for_function(const schema::Function& function) {
    return function.volatility == 'v' ? "OPTIONS,POST" : "OPTIONS,GET,HEAD,POST";
}

}  // namespace lintas::respond
