#include "app/mesh_carrier.hpp"

#include "app/door.hpp"

namespace orrery::app {

void mesh_carrier::send(const std::string& node, std::string packet, duration limit,
                        std::function<void(result<std::string>)> done) {
  mesh_request question;
  question.verb = verb_work;
  question.body = std::move(packet);
  over_.ask(node, std::move(question), limit, [done = std::move(done)](result<mesh_reply> told) {
    if (!told)
      return done(std::move(told).error());
    if (told->code != 0)
      return done(failure{errc::rejected, "the node does not take the packet"});
    done(std::move(told->body));
  });
}

}  // namespace orrery::app
