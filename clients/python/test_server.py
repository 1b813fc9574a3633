"""What tools expect of any gRPC server: health and reflection."""

import unittest

import grpc
from carrel_process import CarrelProcess
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from carrel_client import connect, refusal

SERVICES = [
    "carrel.directory.v1.DirectoryService",
    "carrel.im.v1.ImService",
    "carrel.presence.v1.PresenceService",
    "carrel.session.v1.LoadService",
    "carrel.session.v1.SessionService",
    "carrel.session.v1.TransferService",
]


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        carrel = cls.enterClassContext(CarrelProcess())
        cls.channel = cls.enterClassContext(connect(carrel.grpc_address))

    def test_health_names_the_server_and_each_service(self):
        health = health_pb2_grpc.HealthStub(self.channel)
        for service in ["", *SERVICES]:
            with self.subTest(service=service):
                answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
                self.assertEqual(answer.status, health_pb2.HealthCheckResponse.SERVING)

    def test_health_does_not_know_other_services(self):
        health = health_pb2_grpc.HealthStub(self.channel)
        with self.assertRaises(grpc.RpcError) as caught:
            health.Check(health_pb2.HealthCheckRequest(service="carrel.none.v1.NoService"), timeout=10)
        self.assertEqual(refusal(caught.exception).code, grpc.StatusCode.NOT_FOUND)

    def test_reflection_describes_every_service(self):
        database = ProtoReflectionDescriptorDatabase(self.channel)
        self.assertLessEqual(set(SERVICES), set(database.get_services()))
        described = database.FindFileContainingSymbol("carrel.session.v1.SessionService")
        methods = [method.name for service in described.service for method in service.method]
        self.assertIn("EnterConference", methods)


if __name__ == "__main__":
    unittest.main()
