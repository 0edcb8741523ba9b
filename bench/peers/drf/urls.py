from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView


class Viewer(APIView):
    def get(self, request):
        return Response({"id": request.user.pk, "username": request.user.username})


urlpatterns = [path("viewer", Viewer.as_view())]
