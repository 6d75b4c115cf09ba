global using Shouldly;
global using SmooAI.SmoothOperator.Tests.Support;
global using Xunit;
