//! Writes the client and server of the tonic peer, from what is said here: there is no .proto file, and
//! no protoc is needed.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let method = |name: &str, route: &str, message: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type(message)
            .output_type(message)
            .codec_path("tonic_prost::ProstCodec")
            .build()
    };
    let service = Service::builder()
        .name("Far")
        .package("peers")
        .method(method("cos", "Cos", "crate::peers::grpc::Number"))
        .method(method("echo", "Echo", "crate::peers::grpc::Bytes"))
        .build();
    Builder::new().compile(&[service]);
}
